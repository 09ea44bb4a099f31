"""Draw the architecture diagram in docs/architecture.md from template.yaml, in Mermaid."""

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
WRITES: Final = {"sqs:SendMessage", "s3:PutObject", "events:PutEvents"}
# Nodes are grouped by the beginning of their logical ID.
GROUPS: Final = {
    "Requests": ("Client", "Gateway", "Resources", "Table"),
    "Events and email": ("EventPublisher", "Events", "StreamFailures", "Cascade", "Mailer", "Email"),
    "Webhooks": ("Webhook", "DueRetries", "FailingEndpoints", "Receivers"),
    "Imports and exports": ("Import", "Upload", "Export", "Files", "UnfinishedJobs"),
}
# What the template does not contain: who calls Keel, and whom it calls.
OUTSIDE: Final = {
    "Client": '(["client"])',
    "Gateway": '["API Gateway"]',
    "Clock": '(["scheduler"])',
    "Email": '(["email"])',
    "Receivers": '(["webhook receivers"])',
}


def mermaid() -> str:
    """The API functions as one node; each worker with its triggers and the resources that it writes to."""
    edges = sorted(
        {*_edges(), ("Client", "HTTPS", "Gateway"), ("Gateway", "", "Resources"), ("Resources", "", "Table")}
    )
    nodes = {name: _node(name) for edge in edges for name in (edge[0], edge[2])}
    lines = []
    for number, (title, prefixes) in enumerate(GROUPS.items()):
        members = [name for name in sorted(nodes) if name.startswith(prefixes)]
        lines += [f'subgraph group{number}["{title}"]', *(f"  {nodes.pop(name)}" for name in members), "end"]
    lines += [nodes[name] for name in sorted(nodes)]
    lines += [
        f"{source} -- {label} --> {target}" if label else f"{source} --> {target}" for source, label, target in edges
    ]
    return "```mermaid\nflowchart LR\n" + "\n".join(f"  {line}" for line in lines) + "\n```"


def _node(name: str) -> str:
    if name == "Resources":
        return f'Resources("{_resources()}")'
    if name in OUTSIDE:
        return name + OUTSIDE[name]
    return SHAPES[template.load()["Resources"][name]["Type"]].format(name, _words(name))


def inserted(text: str) -> str:
    """The document with the diagram between its two markers."""
    before, rest = text.split(BEGIN)
    after = rest.split(END, 1)[1]
    return f"{before}{BEGIN}\n{mermaid()}\n{END}{after}"


def _edges() -> Iterator[tuple[str, str, str]]:
    yield "WebhookDeliveryFunction", "HTTPS", "Receivers"
    yield "MailerFunction", "", "Email"
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
        for target in _written_by(function):
            yield name, "", target
    for logical, bucket in template.resources("AWS::S3::Bucket").items():
        for notification in bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", []):
            yield logical, "arrival", _target(notification["Queue"])
    for rule in template.resources("AWS::Events::Rule").values():
        for target in rule["Targets"]:
            yield _target(rule["EventBusName"]), "rule", _target(target["Arn"])


def _written_by(function: dict[str, Any]) -> Iterator[str]:
    """Queues, buckets and buses that a function may write to."""
    for policy in function.get("Policies", []):
        for statement in _listed(policy.get("Statement", [])):
            if WRITES & set(_listed(statement["Action"])):
                yield from map(_target, _listed(statement["Resource"]))


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _target(value: dict[str, Any]) -> str:
    """The logical id in a !Ref or !GetAtt, or at the beginning of a !Sub."""
    if text := value.get("Fn::Sub"):
        return str(re.match(r"\$\{(\w+)", text)[1])  # type: ignore[index]
    return str(value.get("Ref") or value["Fn::GetAtt"][0])


def _words(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", " ", name.removesuffix("Function")).lower()


def _resources() -> str:
    names = [
        _words(logical)
        for logical, function in template.resources("AWS::Serverless::Function").items()
        if any(event["Type"] == "Api" for event in function.get("Events", {}).values())
    ]
    return "one function per resource:<br>" + ", ".join(names)
