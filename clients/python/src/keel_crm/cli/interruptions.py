"""What does an interruption do? It ends a command in one way, and waits where something would be left behind."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer

from keel_crm.cli import output

_HANGUP: Final = getattr(signal, "SIGHUP", None)  # which Windows lacks


def all_as_one() -> None:
    """Has a command clean up as it does after Ctrl-C when it is asked to end and when its terminal is closed."""
    for number in _of_others():
        signal.signal(number, _interrupt)


def _of_others() -> list[int]:
    if _HANGUP is None or signal.getsignal(_HANGUP) is signal.SIG_IGN:  # as nohup has it
        return [signal.SIGTERM]
    return [signal.SIGTERM, _HANGUP]


def _interrupt(number: int, _: Any) -> None:
    _hear_no_more(number)
    raise KeyboardInterrupt


def _hear_no_more(number: int) -> None:
    # A closed terminal tells twice, itself and by its shell: the second time must not end the cleaning up.
    if number == _HANGUP:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def at_question() -> Iterator[None]:
    """Has an interruption of a question, or the end of the answers, be one like any other."""
    try:
        yield
    except typer.Abort:
        output.note("")  # ends the line of the question
        raise KeyboardInterrupt from None


@contextmanager
def noted(then: Callable[[], None]) -> Iterator[None]:
    """Has an interruption do this, once: it comes at any moment, also between making something and knowing its id,
    where an exception would leave it behind. A second one ends the command wherever it is."""

    def restore() -> None:
        while before:
            signal.signal(*before.popitem())

    def stop(number: int, _: Any) -> None:
        restore()
        _hear_no_more(number)
        then()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, *_of_others())}
    try:
        yield
    finally:
        restore()


@contextmanager
def deferred() -> Iterator[None]:
    """Has an interruption come at the end of the block."""
    came: list[bool] = []
    with noted(lambda: came.append(True)):
        yield
    if came:
        raise KeyboardInterrupt
