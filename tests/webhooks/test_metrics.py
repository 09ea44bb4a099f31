"""Test the metrics of deliveries that wait for their first attempt, and of those that failed."""

import json

import pytest

from tests.harness.wire import Killed
from tests.webhooks.conftest import Webhooks


def test_deliveries_are_counted_when_queued_attempted_and_failed(
    webhooks: Webhooks, call, owner, receiver, stand_ins, capsys
):
    # Changes and retries that other tests have left would be counted as well.
    webhooks.deliver()
    stand_ins.empty_queues()
    for answer, failed in ((200, []), (410, [[1.0]])):
        user = owner()
        receiver.answers = [answer]
        webhooks.register(receiver.url, session=user)
        call("contacts-create", {"first_name": "Ann"}, token=user.token)
        capsys.readouterr()
        webhooks.deliver()
        lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
        assert [line["UnattemptedDeliveries"] for line in lines if "UnattemptedDeliveries" in line] == [[1.0], [-1.0]]
        assert [line["FailedDeliveries"] for line in lines if "FailedDeliveries" in line] == failed
        assert all(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]] for line in lines)


def test_repeated_first_attempt_is_counted_once(webhooks: Webhooks, receiver, capsys, monkeypatch):
    from keel import clock
    from keel.webhooks import sender

    def die(*_arguments):
        raise Killed

    pending = webhooks.pending(receiver)
    capsys.readouterr()
    with monkeypatch.context() as patch:
        patch.setattr(sender, "post", die)
        with pytest.raises(Killed):
            webhooks.attempt(pending)
    now = clock.now() + 31 * clock.SECOND  # the claim of the worker that died has expired
    monkeypatch.setattr(clock, "now", lambda: now)
    webhooks.attempt(pending)
    assert len(receiver.received) == 1
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
    assert [line["UnattemptedDeliveries"] for line in lines if "UnattemptedDeliveries" in line] == [[-1.0]]
