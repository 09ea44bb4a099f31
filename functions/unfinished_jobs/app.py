"""Recover stalled jobs: fail uploads that never came, and continue imports and exports that stopped."""

from typing import Final

from aws_lambda_powertools.utilities.typing import LambdaContext

from keel import metrics
from keel.exports import jobs as exports
from keel.imports import jobs, service
from keel.logs import logger
from keel.settings import ExportSettings, ImportSettings, load_settings, settings
from keel.workers import recovery

settings(), load_settings(ImportSettings), load_settings(ExportSettings)  # an invalid setting fails the cold start

_JOB_TYPES: Final = {jobs.JOB_TYPE: service.RECOVERY, exports.JOB_TYPE: exports.RECOVERY}
_MARGIN_MILLISECONDS: Final = 20_000


@logger.inject_lambda_context(log_event=False)
@metrics.log_metrics
def handler(_event: dict[str, object], context: LambdaContext) -> None:
    recovery.recover_stalled_jobs(_JOB_TYPES, lambda: context.get_remaining_time_in_millis() < _MARGIN_MILLISECONDS)
