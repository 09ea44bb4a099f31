"""What does a deployment cost while nobody uses it? Counted from template.yaml, at the prices of us-east-1."""

from typing import Any, Final

import template

ALARM, FREE_ALARMS = 0.10, 10  # of each metric that an alarm looks at
SQS_REQUEST, FREE_REQUESTS = 0.40 / 1_000_000, 1_000_000
POLLS: Final = 5 * 3 * 60 * 730  # five pollers on each queue, each asking every 20 seconds
KEY, SECRET = 1.00, 0.40
SCHEDULED: Final = (0.20 + 1.00) / 1_000_000 + 0.1 * 0.0000133334  # the call, the schedule, 0.1 GB-seconds
RUNS: Final = {"minute": 60 * 730, "hour": 730, "day": 30}

BEGIN, END = "<!-- counted from template.yaml by make openapi -->", "<!-- end -->"


def lines() -> list[tuple[str, float]]:
    """What is paid for, and dollars a month."""
    first = [
        alarm for alarm in _of("AWS::CloudWatch::Alarm").values() if "Condition" not in alarm
    ]  # the others come with AlarmEmail
    watched = sum(_metrics(alarm["Properties"]) for alarm in first)
    more = sum(_metrics(alarm["Properties"]) for alarm in _of("AWS::CloudWatch::Alarm").values()) - watched
    events = [event for each in template.functions().values() for event in each.get("Events", {}).values()]
    queues = sum(event["Type"] == "SQS" for event in events)
    runs = sum(_runs(template.schedule(event)) for event in events if event["Type"] in template.SCHEDULES)
    return [
        (f"{len(_of('AWS::KMS::Key'))} key of KMS, for the secrets of webhooks", KEY * len(_of("AWS::KMS::Key"))),
        ("1 secret of Secrets Manager, the keys of tokens", SECRET * len(_of("AWS::SecretsManager::Secret"))),
        (
            f"{queues} queues asked for messages, {POLLS:,} times each",
            max(0, queues * POLLS - FREE_REQUESTS) * SQS_REQUEST,
        ),
        (f"{watched} metrics looked at by alarms of the first rank", max(0, watched - FREE_ALARMS) * ALARM),
        (f"{runs:,} runs of scheduled functions", runs * SCHEDULED),
        ("gateway, functions, table, buckets, bus, topic, logs without use", 0.0),
        ("1 dashboard of the 3 that are free", 0.0),
        (f"with `AlarmEmail`: {more} metrics more", more * ALARM),
    ]


def idle() -> float:
    """Dollars a month, without what `AlarmEmail` adds."""
    return sum(dollars for _, dollars in lines()[:-1])


def table() -> str:
    """The lines as docs/operating.md shows them."""
    *idle_lines, alarms = lines()
    rows = [f"| {what} | {dollars:.2f} |" for what, dollars in idle_lines]
    rows += [f"| **together** | **{idle():.2f}** |", f"| {alarms[0]} | {alarms[1]:.2f} |"]
    return "\n".join(["| what | dollars a month |", "| --- | --- |", *rows])


def inserted(text: str) -> str:
    """A document with the table between its two marks."""
    before, rest = text.split(BEGIN)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def _of(kind: str) -> dict[str, dict[str, Any]]:
    return {name: each for name, each in template.load()["Resources"].items() if each["Type"] == kind}


def _metrics(alarm: dict[str, Any]) -> int:
    return sum("MetricStat" in metric for metric in alarm.get("Metrics", [])) or 1


def _runs(expression: str) -> int:
    number, unit = expression.removeprefix("rate(").removesuffix(")").split()
    return RUNS[unit.removesuffix("s")] // int(number)


if __name__ == "__main__":
    print(table())
