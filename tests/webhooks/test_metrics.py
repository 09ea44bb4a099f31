"""Can an operator tell webhooks that wait for their first attempt, and those that were given up?"""

import json

import pytest

from tests.harness.wire import Killed


def test_deliveries_are_counted_when_accepted_attempted_and_given_up(
    call, owner, register, listening, flow, stand_ins, capsys
):
    # What other tests have left would be counted as well: what has not been told yet, and what is to be tried again.
    flow()
    stand_ins.empty_queues()
    for answer, failed in ((200, []), (410, [[1.0]])):
        user = owner()
        listening.answers = [answer]
        register(listening.url, session=user)
        call("contacts-create", {"first_name": "Ann"}, token=user.token)
        capsys.readouterr()
        flow()
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
        assert [line["WebhooksUnattempted"] for line in lines if "WebhooksUnattempted" in line] == [[1.0], [-1.0]]
        assert [line["WebhooksFailed"] for line in lines if "WebhooksFailed" in line] == failed
        assert all(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]] for line in lines)


def test_a_first_attempt_that_is_made_again_is_counted_once(
    call, user, register, listening, flow, deliveries, due, capsys, monkeypatch
):
    from keel import clock
    from keel.webhooks import sender

    def die(*_asked):
        raise Killed

    made = register(listening.url)
    call("contacts-create", {"first_name": "Ann"}, token=user.token)
    flow("event_publisher", "webhook_fanout")
    [pending] = deliveries(made)
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(sender, "post", die)
        with pytest.raises(Killed):
            due(pending)
    now = clock.now() + 31 * clock.SECOND  # the claim of the worker that died has run out
    monkeypatch.setattr(clock, "now", lambda: now)
    due(pending)
    assert len(listening.received) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert [line["WebhooksUnattempted"] for line in lines if "WebhooksUnattempted" in line] == [[-1.0]]
