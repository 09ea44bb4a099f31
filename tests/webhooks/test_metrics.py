"""Can an operator tell accepted webhooks from attempted ones, and from those that were given up?"""

import json

import pytest


@pytest.mark.parametrize(("answer", "failed"), [(200, 0), (410, 1)])
def test_deliveries_are_counted_when_accepted_attempted_and_given_up(
    call, user, register, listening, flow, capsys, answer, failed
):
    listening.answers = [answer]
    register(listening.url)
    call("contacts-create", {"first_name": "Ann"}, token=user.token)
    capsys.readouterr()
    flow()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    counted = dict.fromkeys(("WebhooksAccepted", "WebhooksAttempted", "WebhooksFailed"), 0.0)
    for line in lines:
        for name in counted.keys() & line.keys():
            counted[name] += sum(line[name])
    assert counted == {"WebhooksAccepted": 1, "WebhooksAttempted": 1, "WebhooksFailed": failed}
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]] for line in lines)
