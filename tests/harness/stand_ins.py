"""Create stand-ins for the template's resources, and the environment variables that name them.

The table is made in DynamoDB Local, everything else in moto, each from its own block in template.yaml. A resource is
made when something first refers to it, so a type that the code needs and that is not known here fails loudly.
"""

import json
import re
import secrets
from typing import Any

import boto3

import template

REGION = "us-east-1"
ACCOUNT = "123456789012"
STACK = "keel-test"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": STACK,
}
PARAMETERS = {
    "MailSender": "keel@example.com",
    "LinkSite": "http://localhost:3000",
    "WebhookExemptHosts": "127.0.0.1,localhost",
}

_Made = tuple[str, dict[str, str]]  # what Ref gives, and what GetAtt gives by attribute


class StandIns:
    def __init__(self, parameters: dict[str, str]) -> None:
        self._template = template.load()
        self._resources = self._template["Resources"]
        declared = self._template["Parameters"].items()
        defaults = {name: str(each["Default"]) for name, each in declared if "Default" in each}
        self._parameters = defaults | PARAMETERS | parameters | PSEUDO
        self._made: dict[str, _Made] = {}

    def environment(self, folder: str) -> dict[str, str]:
        """The variables of a function, as the template gives them to it and to no other."""
        own = template.functions()[folder].get("Environment", {}).get("Variables", {})
        shared = self._template["Globals"]["Function"]["Environment"]["Variables"]
        return {name: str(self.value(each)) for name, each in (shared | own).items()}

    def empty_queues(self) -> None:
        """Forget what waits, also what comes back later; at most once a minute, as on AWS."""
        client = boto3.client("sqs")
        for url in client.list_queues().get("QueueUrls", []):
            client.purge_queue(QueueUrl=url)

    def value(self, expression: Any) -> Any:
        """A value of the template with its references resolved."""
        if isinstance(expression, list):
            return [self.value(each) for each in expression]
        if not isinstance(expression, dict):
            return expression
        if len(expression) == 1:
            [(function, argument)] = expression.items()
            if function == "Ref":
                return self._reference(argument)
            if function == "Fn::GetAtt":
                return self._make(argument[0])[1][argument[1]]
            if function == "Fn::Sub":
                return self._substitute(argument)
            if function == "Fn::If":
                condition, yes, no = argument
                return self.value(yes if self.value(self._template["Conditions"][condition]) else no)
            if function == "Fn::Equals":
                return self.value(argument[0]) == self.value(argument[1])
            if function == "Fn::Select":
                return self.value(argument[1])[int(argument[0])]
            if function == "Fn::Split":
                return str(self.value(argument[1])).split(argument[0])
            if function == "Fn::FindInMap":
                name, first, second = (self.value(each) for each in argument)
                return self._template["Mappings"][name][first][second]
            if function.startswith("Fn::"):
                raise NotImplementedError(f"{function} is not known to the tests")
        return {name: self.value(each) for name, each in expression.items()}

    def _reference(self, name: str) -> str:
        return self._parameters[name] if name in self._parameters else self._make(name)[0]

    def _substitute(self, argument: Any) -> str:
        text, more = argument if isinstance(argument, list) else (argument, {})

        def replace(match: re.Match[str]) -> str:
            name = match[1]
            if name in more:
                return str(self.value(more[name]))
            resource, _, attribute = name.partition(".")
            return self._make(resource)[1][attribute] if attribute else self._reference(name)

        return re.sub(r"\$\{([^!}]+)\}", replace, text)

    def _make(self, name: str) -> _Made:
        if name not in self._made:
            resource = self._resources[name]
            make = getattr(self, "_make_" + resource["Type"].replace("::", "_").lower(), None)
            if make is None:
                raise NotImplementedError(f"{name} is a {resource['Type']}: the tests know no stand-in for it")
            self._made[name] = make(name, resource.get("Properties", {}))
        return self._made[name]

    # ---- The types in use ------------------------------------------------------------------------------------------

    def _make_aws_dynamodb_table(self, name: str, properties: dict[str, Any]) -> _Made:
        arn = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{STACK}-{name}"
        stream = properties["StreamSpecification"] | {"StreamEnabled": True}
        rest = {each: properties[each] for each in ("BillingMode", "AttributeDefinitions", "KeySchema")}
        client = boto3.client("dynamodb")
        table = client.create_table(TableName=f"{STACK}-{name}", StreamSpecification=stream, **rest)
        return f"{STACK}-{name}", {"Arn": arn, "StreamArn": table["TableDescription"]["LatestStreamArn"]}

    def _make_aws_secretsmanager_secret(self, _name: str, properties: dict[str, Any]) -> _Made:
        generate = properties["GenerateSecretString"]
        content = json.loads(generate["SecretStringTemplate"])
        content[generate["GenerateStringKey"]] = secrets.token_hex(generate["PasswordLength"] // 2)
        client = boto3.client("secretsmanager")
        made = client.create_secret(Name=self.value(properties["Name"]), SecretString=json.dumps(content))
        return made["ARN"], {}

    def _make_aws_s3_bucket(self, name: str, _properties: dict[str, Any]) -> _Made:
        bucket = f"{STACK}-{name}".lower()
        boto3.client("s3").create_bucket(Bucket=bucket)
        return bucket, {"Arn": f"arn:aws:s3:::{bucket}"}

    def _make_aws_sqs_queue(self, name: str, properties: dict[str, Any]) -> _Made:
        # But for their delays, which no test would wait for.
        given = {"VisibilityTimeout", "RedrivePolicy", "MessageRetentionPeriod"} & properties.keys()
        values = {each: self.value(properties[each]) for each in given}
        attributes: Any = {
            each: json.dumps(value) if isinstance(value, dict) else str(value) for each, value in values.items()
        }
        made = boto3.client("sqs").create_queue(QueueName=f"{STACK}-{name}", Attributes=attributes)
        arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{STACK}-{name}"
        return made["QueueUrl"], {"Arn": arn, "QueueName": f"{STACK}-{name}", "QueueUrl": made["QueueUrl"]}

    def _make_aws_events_eventbus(self, name: str, _properties: dict[str, Any]) -> _Made:
        made = boto3.client("events").create_event_bus(Name=f"{STACK}-{name}")
        return f"{STACK}-{name}", {"Arn": made["EventBusArn"], "Name": f"{STACK}-{name}"}

    def _make_aws_kms_key(self, _name: str, _properties: dict[str, Any]) -> _Made:
        made = boto3.client("kms").create_key()["KeyMetadata"]
        return made["KeyId"], {"Arn": made["Arn"], "KeyId": made["KeyId"]}

    def _make_aws_serverless_function(self, name: str, _properties: dict[str, Any]) -> _Made:
        return f"{STACK}-{name}", {"Arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{STACK}-{name}"}
