"""What does a deployment cost while nobody uses it? Counted from template.yaml, at the prices of us-east-1.

AWS gives every account some of it for nothing, every month and not in its first year only. The last line of the table
is for an account that uses those allowances up already.
"""

from typing import Any, Final

import template

ALARM, FREE_ALARMS = 0.10, 10  # of each metric that an alarm looks at
SQS_REQUEST, FREE_REQUESTS = 0.40 / 1_000_000, 1_000_000
POLLS: Final = 5 * 3 * 60 * 730  # five pollers on each queue, each asking every 20 seconds
KEY, SECRET = 1.00, 0.40
DASHBOARD: Final = 3.00  # three are free
RUN: Final = (
    0.20 + 1.00
) / 1_000_000 + 0.1 * 0.0000133334  # the call, the schedule, 0.1 GB-seconds; a million are free
READ_UNIT: Final = 0.125 / 1_000_000
RUNS: Final = {"minute": 60 * 730, "hour": 730, "day": 30}
# Calls, each at least a unit: DynamoDB charges for what it did not find as well.
READS: Final = {
    "due_retries": 8,
    "unfinished_jobs": 2,
    "failing_endpoints": 1,
    "sweep": 2,
}  # of a run that finds nothing

BEGIN, END = "<!-- counted from template.yaml by make openapi -->", "<!-- end -->"


def lines() -> list[tuple[str, float]]:
    """What is paid for, and dollars a month."""
    watched = sum(_metrics(alarm) for alarm in template.resources("AWS::CloudWatch::Alarm").values())
    queues, runs = _queues(), _runs()
    units = sum(READS[folder] * times for folder, times in runs.items())
    return [
        (f"{_count('AWS::KMS::Key')} key of KMS, for the secrets of webhooks", KEY * _count("AWS::KMS::Key")),
        ("1 secret of Secrets Manager, the keys of tokens", SECRET * _count("AWS::SecretsManager::Secret")),
        (
            f"{queues} queues asked for messages, {POLLS:,} times each, {FREE_REQUESTS:,} free",
            max(0, queues * POLLS - FREE_REQUESTS) * SQS_REQUEST,
        ),
        (f"{watched} metrics watched by alarms, {FREE_ALARMS} free", max(0, watched - FREE_ALARMS) * ALARM),
        (f"{sum(runs.values()):,} runs of scheduled functions, 1,000,000 free", 0.0),
        (f"{units:,} read units of theirs", units * READ_UNIT),
        ("gateway, functions, table, buckets, bus, topic, logs without use", 0.0),
        ("1 dashboard, 3 free", 0.0),
    ]


def idle() -> float:
    """Dollars a month."""
    return sum(dollars for _, dollars in lines())


def allowances() -> float:
    """What it costs more in an account that has nothing free left."""
    return FREE_REQUESTS * SQS_REQUEST + FREE_ALARMS * ALARM + sum(_runs().values()) * RUN + DASHBOARD


def table() -> str:
    """The lines as docs/operating.md shows them."""
    rows = [f"| {what} | {dollars:.2f} |" for what, dollars in lines()]
    rows += [
        f"| **together** | **{idle():.2f}** |",
        f"| where all of that is used up already; {DASHBOARD:.2f} of it is the dashboard | {allowances():.2f} more |",
    ]
    return "\n".join(["| what | dollars a month |", "| --- | --- |", *rows])


def inserted(text: str) -> str:
    """A document with the table between its two marks."""
    before, rest = text.split(BEGIN)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _count(kind: str) -> int:
    return len(template.resources(kind))


def _metrics(alarm: dict[str, Any]) -> int:
    return sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) or 1


def _queues() -> int:
    events = [event for each in template.functions().values() for event in each.get("Events", {}).values()]
    return sum(event["Type"] == "SQS" for event in events)


def _runs() -> dict[str, int]:
    """How often a month each scheduled function runs."""
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
