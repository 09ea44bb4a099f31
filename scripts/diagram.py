"""How do the parts hang together? A diagram of template.yaml, in Mermaid."""

import re
from collections.abc import Iterator
from typing import Any, Final

import template

BEGIN, END = "<!-- drawn from template.yaml by make openapi -->", "<!-- end of the drawing -->"
SHAPES: Final = {
    "AWS::SQS::Queue": '{0}[["{1}"]]',
    "AWS::DynamoDB::Table": '{0}[("{1}")]',
    "AWS::S3::Bucket": '{0}[("{1}")]',
    "AWS::Events::EventBus": '{0}{{{{"{1}"}}}}',
    "AWS::Serverless::Function": '{0}("{1}")',
}
HANDS_ON: Final = {"sqs:SendMessage", "s3:PutObject", "events:PutEvents"}


def mermaid() -> str:
    """Functions of the API as one part; each worker with what wakes it and what it hands on."""
    edges = sorted(set(_edges()))
    named = {name for edge in edges for name in (edge[0], edge[2])}
    kinds = {name: each["Type"] for name, each in template.load()["Resources"].items()}
    parts = [SHAPES[kinds[name]].format(name, _words(name)) for name in sorted(named & kinds.keys())]
    lines = [
        'Client(["client"]) -- HTTPS --> Gateway["API Gateway"] --> Resources',
        f'Resources("{_resources()}")',
        "Resources --> Table",
        'Clock(["clock"])',
    ]
    lines += parts
    lines += [
        f"{source} -- {label} --> {target}" if label else f"{source} --> {target}" for source, label, target in edges
    ]
    return "```mermaid\nflowchart LR\n" + "\n".join(f"  {line}" for line in lines) + "\n```"


def inserted(text: str) -> str:
    """A document with the diagram between its two marks."""
    before, rest = text.split(BEGIN)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{mermaid()}\n{END}{after}"


def _edges() -> Iterator[tuple[str, str, str]]:
    for logical, function in template.resources("AWS::Serverless::Function").items():
        events = list(function.get("Events", {}).values())
        name = "Resources" if any(event["Type"] == "Api" for event in events) else logical
        for event in events:
            if event["Type"] == "SQS":
                yield _target(event["Properties"]["Queue"]), "", name
            elif event["Type"] == "DynamoDB":
                yield "Table", "stream", name
            elif event["Type"] == template.SCHEDULE:
                yield "Clock", template.schedule(event).removeprefix("rate(").rstrip(")"), name
        for target in _handed_on_to(function):
            yield name, "", target
    for logical, bucket in template.resources("AWS::S3::Bucket").items():
        for notice in bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", []):
            yield logical, "arrival", _target(notice["Queue"])
    for rule in template.resources("AWS::Events::Rule").values():
        for target in rule["Targets"]:
            yield _target(rule["EventBusName"]), "rule", _target(target["Arn"])


def _handed_on_to(function: dict[str, Any]) -> Iterator[str]:
    """Queues, buckets and buses that a function is allowed to put something into."""
    for policy in function.get("Policies", []):
        for statement in _listed(policy.get("Statement", [])):
            if HANDS_ON & set(_listed(statement["Action"])):
                yield from map(_target, _listed(statement["Resource"]))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _target(value: dict[str, Any]) -> str:
    """The resource that !Ref, !GetAtt or the beginning of !Sub names."""
    if text := value.get("Fn::Sub"):
        return str(re.match(r"\$\{(\w+)", text)[1])  # type: ignore[index]
    return str(value.get("Ref") or value["Fn::GetAtt"][0])


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name.removesuffix("Function")).lower()


def _resources() -> str:
    found = [
        _words(logical)
        for logical, function in template.resources("AWS::Serverless::Function").items()
        if any(event["Type"] == "Api" for event in function.get("Events", {}).values())
    ]
    return "one function for each resource:<br>" + ", ".join(found)
