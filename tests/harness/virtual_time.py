"""Run threads in virtual time, which passes only while all of them wait: an hour takes seconds.

Only one thread runs at a time, until it waits. So the results do not depend on the speed of the machine, and threads
interleave their accesses to shared state as processes would.
"""

import heapq
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from keel import clock


class _SimulationEnded(BaseException):
    """Ends the threads that still wait when the simulation is over."""


class Time:
    """Runs callbacks in the order of their times, and threads from one wait to the next like callbacks."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begin = clock.now()
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._sequence = 0
        self._yielded = threading.Semaphore(0)
        self._waiting: set[threading.Semaphore] = set()
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None
        self._over = False

    def now(self) -> int:
        return self._begin + round(self.seconds * 1_000)

    def after(self, seconds: float, callback: Callable[[], None]) -> None:
        self._sequence += 1
        heapq.heappush(self._due, (self.seconds + seconds, self._sequence, callback))

    def run(self, until: Callable[[], bool]) -> None:
        """Let time pass until the condition holds."""
        while not until():
            assert self._due, "nothing is left to happen"
            self.seconds, _, callback = heapq.heappop(self._due)
            callback()
            if self._error:
                raise self._error

    def start(self, work: Callable[[], None]) -> None:
        """Start a thread at the current time."""

        def run() -> None:
            try:
                work()
            except _SimulationEnded:
                pass
            except BaseException as error:  # noqa: BLE001 - raised again where the simulation runs
                self._error = error
            self._yielded.release()

        def begin() -> None:
            self._threads = [each for each in self._threads if each.is_alive()]
            thread = threading.Thread(target=run, daemon=True)
            self._threads.append(thread)
            thread.start()
            self._yielded.acquire()

        self.after(0, begin)

    def sleep(self, seconds: float) -> None:
        self.wait(lambda wake: self.after(seconds, wake))

    def wait(self, arrange: Callable[[Callable[[], None]], None]) -> None:
        """Make the current thread wait. `arrange` receives the callback that wakes it."""
        woken = threading.Semaphore(0)

        def wake() -> None:
            woken.release()
            self._yielded.acquire()

        self._waiting.add(woken)
        arrange(wake)
        self._yielded.release()
        woken.acquire()
        self._waiting.discard(woken)
        if self._over:
            raise _SimulationEnded

    def end(self) -> None:
        self._over = True
        for woken in list(self._waiting):
            woken.release()
        for thread in self._threads:
            thread.join()

    def pool(self, max_workers: int) -> "_Pool":
        """A replacement for `ThreadPoolExecutor`."""
        return _Pool(self, max_workers)


@dataclass
class _Pool:
    time: Time
    workers: int

    def __enter__(self) -> "_Pool":
        return self

    def __exit__(self, *_: object) -> None:
        """There is nothing to clean up, since `map` waits for its work."""

    def map(self, work: Callable[[Any], Any], items: Iterable[Any]) -> list[Any]:
        left = deque(enumerate(items))
        results: dict[int, Any] = {}
        errors: list[Exception] = []
        wakes: list[Callable[[], None]] = []
        working = min(self.workers, len(left))

        def run() -> None:
            nonlocal working
            while left:
                index, item = left.popleft()
                try:
                    results[index] = work(item)
                except Exception as error:  # noqa: BLE001 - raised again by the caller
                    errors.append(error)
            working -= 1
            if not working:
                self.time.after(0, wakes[0])

        def begin(wake: Callable[[], None]) -> None:
            wakes.append(wake)
            for _ in range(working):
                self.time.start(run)

        if working:
            self.time.wait(begin)
        if errors:
            raise errors[0]
        return [results[index] for index in sorted(results)]
