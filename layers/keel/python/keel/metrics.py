"""Metrics for the alarms and the dashboard.

CloudWatch extracts them from log lines in its embedded metric format, so they take no call. The only dimension is the
service: every account or operation as a dimension would be a further custom metric that is paid for.
"""

import threading
from typing import Final

from aws_lambda_powertools.metrics import MetricResolution, MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider


class _Metrics(AmazonCloudWatchEMFProvider):
    """Powertools' metrics, for several threads, and without its warning when an invocation has none."""

    _lock: Final = threading.Lock()

    def add_metric(
        self, name: str, unit: MetricUnit | str, value: float, resolution: MetricResolution | int = 60
    ) -> None:
        with self._lock:
            super().add_metric(name, unit, value, resolution)

    def flush_metrics(self, raise_on_empty_metrics: bool = False) -> None:
        with self._lock:
            if self.metric_set:
                super().flush_metrics(raise_on_empty_metrics)


_metrics: Final = _Metrics()

# Decorates a handler: what was counted is written at the end of the invocation, also when it fails.
log_metrics: Final = _metrics.log_metrics
# Writes what was counted so far, for what must not be lost if the function crashes or times out.
flush: Final = _metrics.flush_metrics


def count(name: str, times: int = 1) -> None:
    """Add to a metric in the namespace of the stack."""
    _metrics.add_metric(name, MetricUnit.Count, times)


def seconds(name: str, value: int) -> None:
    """Add a duration to a metric in the namespace of the stack."""
    _metrics.add_metric(name, MetricUnit.Seconds, value)
