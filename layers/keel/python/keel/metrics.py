"""How often did it happen, how long did it take? Figures for the operator's alarms and dashboard.

They are written as log lines, which CloudWatch turns into metrics by itself: no call, no waiting. The only dimension
is the service: with accounts or operations as dimensions, each of them would be a metric that is paid for.
"""

from aws_lambda_powertools.metrics import MetricUnit, single_metric


def count(name: str, times: int = 1) -> None:
    """Add to a metric in the namespace that is named after the stack."""
    with single_metric(name=name, unit=MetricUnit.Count, value=times):
        """Written when the block is left."""


def seconds(name: str, value: int) -> None:
    """Note a duration; alarms look at the longest."""
    with single_metric(name=name, unit=MetricUnit.Seconds, value=value):
        """Written when the block is left."""
