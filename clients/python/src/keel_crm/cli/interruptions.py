"""Handle Ctrl-C, SIGTERM and SIGHUP, so that commands clean up and leave nothing behind."""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import typer

from keel_crm.cli import output

_HANGUP: Final = getattr(signal, "SIGHUP", None)  # Windows has none


def handle_signals() -> None:
    """Treat SIGTERM and a closed terminal like Ctrl-C, so that commands clean up."""
    for number in _other_signals():
        signal.signal(number, _interrupt)


def _other_signals() -> list[int]:
    if _HANGUP is None or signal.getsignal(_HANGUP) is signal.SIG_IGN:  # set by nohup
        return [signal.SIGTERM]
    return [signal.SIGTERM, _HANGUP]


def _interrupt(number: int, _: Any) -> None:
    _ignore_hangup(number)
    raise KeyboardInterrupt


def _ignore_hangup(number: int) -> None:
    # A closed terminal sends SIGHUP twice, itself and through its shell: the second must not interrupt the clean-up.
    if number == _HANGUP:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def prompt() -> Iterator[None]:
    """Raise KeyboardInterrupt if a prompt is interrupted or its input ends."""
    try:
        yield
    except typer.Abort:
        output.note("")  # ends the line of the prompt
        raise KeyboardInterrupt from None


@contextmanager
def on_interrupt(action: Callable[[], None]) -> Iterator[None]:
    """Call `action` at the first interruption, instead of raising an exception. An exception could come between
    creating something and learning its id, and leave it behind. A second interruption ends the command at once."""

    def restore() -> None:
        while before:
            signal.signal(*before.popitem())

    def stop(number: int, _: Any) -> None:
        restore()
        _ignore_hangup(number)
        action()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, *_other_signals())}
    try:
        yield
    finally:
        restore()


@contextmanager
def deferred() -> Iterator[None]:
    """Delay an interruption until the end of the block."""
    interrupted: list[bool] = []
    with on_interrupt(lambda: interrupted.append(True)):
        yield
    if interrupted:
        raise KeyboardInterrupt
