"""Compute the monthly cost of an idle deployment from template.yaml, at the prices of us-east-1.

The free allowances are those that AWS grants every month without an end. The last line of the table is for an account
that has used them up already.
"""

from typing import Any, Final

import template

ALARM, FREE_ALARMS = 0.10, 10  # for each metric that an alarm watches
SQS_REQUEST, FREE_REQUESTS = 0.40 / 1_000_000, 1_000_000
POLLS: Final = 5 * 3 * 60 * 730  # Lambda polls each queue with five pollers, each every 20 seconds
KEY, SECRET = 1.00, 0.40
DASHBOARD: Final = 3.00  # three are free
# The call, the schedule and 0.1 GB-seconds. A million are free.
RUN: Final = (0.20 + 1.00) / 1_000_000 + 0.1 * 0.0000133334
READ_UNIT: Final = 0.125 / 1_000_000
RUNS: Final = {"minute": 60 * 730, "hour": 730, "day": 30}
# Calls to DynamoDB in a run with nothing to do, each of which is charged at least one read unit.
READS: Final = {"due_retries": 8, "unfinished_jobs": 2, "failing_endpoints": 1, "sweep": 2}

BEGIN, END = "<!-- counted from template.yaml by make openapi -->", "<!-- end -->"


def lines() -> list[tuple[str, float]]:
    """Each item and its cost in dollars a month."""
    watched = sum(_metrics(alarm) for alarm in template.resources("AWS::CloudWatch::Alarm").values())
    queues, runs = _queues(), _runs()
    units = sum(READS[folder] * times for folder, times in runs.items())
    return [
        (f"{_count('AWS::KMS::Key')} KMS key, for webhook secrets", KEY * _count("AWS::KMS::Key")),
        ("1 Secrets Manager secret, the token-signing keys", SECRET * _count("AWS::SecretsManager::Secret")),
        (
            f"{queues} queues polled {POLLS:,} times each; {FREE_REQUESTS:,} requests are free",
            max(0, queues * POLLS - FREE_REQUESTS) * SQS_REQUEST,
        ),
        (f"{watched} metrics watched by alarms; {FREE_ALARMS} are free", max(0, watched - FREE_ALARMS) * ALARM),
        (f"{sum(runs.values()):,} runs of scheduled functions; 1,000,000 are free", 0.0),
        (f"{units:,} read units of these runs", units * READ_UNIT),
        ("API, functions, table, buckets, event bus, topic and logs, unused", 0.0),
        ("1 dashboard; 3 are free", 0.0),
    ]


def idle() -> float:
    """Dollars a month."""
    return sum(dollars for _, dollars in lines())


def allowances() -> float:
    """The additional dollars a month in an account without free allowances."""
    return FREE_REQUESTS * SQS_REQUEST + FREE_ALARMS * ALARM + sum(_runs().values()) * RUN + DASHBOARD


def table() -> str:
    """The items as a table for docs/operating.md."""
    rows = [f"| {item} | {dollars:.2f} |" for item, dollars in lines()]
    rows += [
        f"| **total** | **{idle():.2f}** |",
        f"| more without free allowances, of which {DASHBOARD:.2f} for the dashboard | {allowances():.2f} |",
    ]
    return "\n".join(["| item | dollars a month |", "| --- | --- |", *rows])


def inserted(text: str) -> str:
    """The document with the table between its two markers."""
    before, rest = text.split(BEGIN)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _count(resource_type: str) -> int:
    return len(template.resources(resource_type))


def _metrics(alarm: dict[str, Any]) -> int:
    return sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) or 1


def _queues() -> int:
    events = [event for each in template.functions().values() for event in each.get("Events", {}).values()]
    return sum(event["Type"] == "SQS" for event in events)


def _runs() -> dict[str, int]:
    """The runs a month of each scheduled function."""
    return {
        folder: _times(template.schedule(event))
        for folder, properties in template.functions().items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == template.SCHEDULE
    }


def _times(expression: str) -> int:
    number, unit = expression.removeprefix("rate(").removesuffix(")").split()
    return RUNS[unit.removesuffix("s")] // int(number)


if __name__ == "__main__":
    print(table())
