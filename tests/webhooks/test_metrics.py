"""Can an operator tell webhooks that wait for their first attempt, and those that were given up?"""

import json

import pytest


@pytest.mark.parametrize(("answer", "failed"), [(200, 0), (410, 1)])
def test_deliveries_are_counted_when_accepted_attempted_and_given_up(
    call, user, register, listening, flow, capsys, answer, failed
):
    flow()  # retries that other tests left in the queues have fallen due by now
    listening.answers = [answer]
    register(listening.url)
    call("contacts-create", {"first_name": "Ann"}, token=user.token)
    capsys.readouterr()
    flow()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert [line["WebhooksUnattempted"] for line in lines if "WebhooksUnattempted" in line] == [[1.0], [-1.0]]
    assert [line["WebhooksFailed"] for line in lines if "WebhooksFailed" in line] == [[1.0]] * failed
    assert all(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]] for line in lines)
