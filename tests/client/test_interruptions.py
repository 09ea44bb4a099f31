"""Test that an interrupted command cleans up once."""

import signal
import threading
from collections.abc import Iterator

import pytest

from keel_crm.cli import interruptions

OTHERS = (signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in OTHERS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", OTHERS)
def test_what_asks_a_command_to_end_interrupts_it(number: signal.Signals) -> None:
    interruptions.handle_signals()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_a_terminal_that_is_closed_interrupts_once_though_it_tells_twice() -> None:
    interruptions.handle_signals()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)


def test_a_command_that_is_to_outlive_its_terminal_does() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interruptions.handle_signals()
    with interruptions.deferred():
        signal.raise_signal(signal.SIGHUP)
    signal.raise_signal(signal.SIGHUP)


def test_a_second_interruption_waits_for_nothing() -> None:
    interruptions.handle_signals()
    first = threading.Event()
    with pytest.raises(KeyboardInterrupt):
        interrupted_twice(first)
    assert first.is_set()


def interrupted_twice(first: threading.Event) -> None:
    with interruptions.deferred():
        signal.raise_signal(signal.SIGTERM)
        first.set()
        signal.raise_signal(signal.SIGTERM)
        pytest.fail("it waited")
