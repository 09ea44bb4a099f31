"""Simulate the workers under load: the real handlers and the real table, in virtual time.

The stream, the bus, the queues and Lambda's scaling are simulated by the rules that AWS documents. How long everything
takes is defined below. These durations are assumptions, longer than usual.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch
from zlib import crc32

import template
from keel import clock
from keel.storage import clients
from tests.harness.functions import Functions
from tests.harness.stand_ins import StandIns
from tests.harness.streams import passes, queued, routed
from tests.harness.virtual_time import Time

_CALL: Final = {"dynamodb": 0.010, "sqs": 0.020, "events": 0.050, "kms": 0.020}
_COMPUTING: Final = 0.020  # in each invocation
_COLD_START: Final = 1.0
_BUS: Final = 0.3
_STREAM_POLL: Final = 0.25
_WORKERS_PER_SECOND: Final = 5  # of a queue, also at the start: Lambda's scaling for standard queues


@dataclass
class _Message:
    id: str
    body: str
    source: "Queue"
    sent: int
    receives: int = 0


@dataclass
class Queue:
    """A queue of the template with the function behind it, if it has one."""

    simulation: "Simulation"
    arn: str
    visibility: float
    receives: int
    dead_letters: str
    folder: str = ""
    batch: int = 1
    workers: int = 0
    busy: int = 0
    visible: deque[_Message] = field(default_factory=deque)

    def send(self, body: str, delay: float = 0) -> None:
        self.simulation.sent += 1
        message = _Message(str(self.simulation.sent), body, self, self.simulation.time.now())
        self.simulation.time.after(delay, lambda: self.arrive(message))

    def arrive(self, message: _Message) -> None:
        self.visible.append(message)
        self.dispatch()

    def dispatch(self) -> None:
        """Hand visible messages to workers, of which Lambda adds some each second."""
        time = self.simulation.time
        available = min(self.workers, _WORKERS_PER_SECOND + int(_WORKERS_PER_SECOND * time.seconds))
        while self.visible and self.busy < available:
            messages = [self.visible.popleft() for _ in range(min(self.batch, len(self.visible)))]
            self.busy += 1
            time.start(lambda messages=messages: self._work(messages))  # type: ignore[misc]
        if self.visible and self.busy < self.workers:
            time.after(1, self.dispatch)

    def _work(self, messages: list[_Message]) -> None:
        records = [queued(each.body, each.id, self.arn, sent=each.sent) for each in messages]
        response = self.simulation.invoke(self.folder, {"Records": records})
        failed = {each["itemIdentifier"] for each in response["batchItemFailures"]}
        self.busy -= 1
        for message in messages:
            if message.id in failed:
                message.receives += 1
                self.simulation.time.after(self.visibility, lambda message=message: self._again(message))  # type: ignore[misc]
        self.dispatch()

    def _again(self, message: _Message) -> None:
        if message.receives < self.receives:
            self.arrive(message)
        else:
            self.simulation.queues[self.dead_letters].visible.append(message)

    def redrive(self) -> None:
        """Send all messages of a dead-letter queue back to their source, like `aws sqs start-message-move-task`."""
        while self.visible:
            message = self.visible.popleft()
            message.source.send(message.body)


class Simulation:
    def __init__(self, stand_ins: StandIns, functions: Functions) -> None:
        self.time = Time()
        self.sent = 0
        self._functions = functions
        self._warm: dict[str, list[int]] = {}  # by function: the instances that run now, and the most so far
        self._stream_workers: dict[int, deque[dict[str, Any]]] = {}
        self._stand_ins = stand_ins
        self.queues = {queue.arn: queue for queue in self._queues()}
        self._publisher = template.functions()["event_publisher"]["Events"]["Change"]["Properties"]

    def _queues(self) -> Iterator[Queue]:
        sources = {
            self._stand_ins.value(event["Properties"]["Queue"]): (folder, event["Properties"])
            for folder in ("webhook_fanout", "webhook_delivery")
            for event in template.functions()[folder]["Events"].values()
        }
        for name, properties in template.resources("AWS::SQS::Queue").items():
            if not name.startswith("Webhook") and name != "DeadLetters":
                continue
            redrive = self._stand_ins.value(properties.get("RedrivePolicy", {}))
            queue = Queue(
                self,
                self._stand_ins.value({"Fn::GetAtt": [name, "Arn"]}),
                properties.get("VisibilityTimeout", 30),
                redrive.get("maxReceiveCount", 0),
                redrive.get("deadLetterTargetArn", ""),
            )
            if queue.arn in sources:
                queue.folder, mapping = sources[queue.arn]
                queue.batch = mapping["BatchSize"]
                queue.workers = int(self._stand_ins.value(mapping["ScalingConfig"]["MaximumConcurrency"]))
            yield queue

    def queue(self, name: str) -> Queue:
        return self.queues[self._stand_ins.value({"Fn::GetAtt": [name, "Arn"]})]

    def invoke(self, folder: str, event: dict[str, Any]) -> Any:
        """Run a handler in the current thread, after a cold start if more instances run than ever before."""
        warm = self._warm.setdefault(folder, [0, 1])
        warm[0] += 1
        if warm[0] > warm[1]:
            warm[1] += 1
            self.time.sleep(_COLD_START)
        self.time.sleep(_COMPUTING)
        response = self._functions.invoke(folder, event)
        warm[0] -= 1
        return response

    def commit(self, record: dict[str, Any], worker: int | None = None) -> None:
        """Put a change into the table's stream now. By default, its key determines the stream worker that reads it."""
        assert passes(self._publisher, record)
        if worker is None:
            worker = stream_worker(record)
        waiting = self._stream_workers.get(worker)
        if waiting is None:
            waiting = self._stream_workers[worker] = deque()
            self.time.start(lambda: self._read(waiting))
        waiting.append(record)

    def _read(self, waiting: deque[dict[str, Any]]) -> None:
        while True:
            batch = [waiting.popleft() for _ in range(min(self._publisher["BatchSize"], len(waiting)))]
            if batch:
                self.invoke("event_publisher", {"Records": batch})
            else:
                self.time.sleep(_STREAM_POLL)

    def put_events(self, Entries: list[dict[str, Any]]) -> Any:  # noqa: N803 - as AWS has it
        self.time.sleep(_CALL["events"])
        for entry in Entries:
            for arn, body in routed(self._stand_ins, entry):
                if arn in self.queues:
                    self.time.after(_BUS, lambda arn=arn, body=body: self.queues[arn].send(body))  # type: ignore[misc]
        return {"Entries": [{} for _ in Entries]}

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int = 0, **_: Any) -> None:  # noqa: N803
        self.time.sleep(_CALL["sqs"])
        [queue] = [each for each in self.queues.values() if each.arn.endswith(":" + QueueUrl.rpartition("/")[2])]
        queue.send(MessageBody, DelaySeconds)

    def _map_concurrently(self, call: Callable[[Any], Any], arguments: Sequence[Any]) -> list[Any]:
        if len(arguments) <= 1 or threading.current_thread() is threading.main_thread():
            return list(map(call, arguments))
        return self.time.pool(clients.CONCURRENT_CALLS).map(call, arguments)

    @contextmanager
    def running(self) -> Iterator["Simulation"]:
        """Let everything that the workers wait for take virtual time."""
        hooked = [clients.client(service).meta.events for service in ("dynamodb", "kms")]

        def pause(model: Any, **_: Any) -> None:
            if threading.current_thread() is not threading.main_thread():
                self.time.sleep(_CALL[model.service_model.service_name])

        for events in hooked:
            events.register_first("before-call.*", pause)
        try:
            with (
                patch.object(clock, "now", self.time.now),
                patch("keel.workers.queues.ThreadPoolExecutor", self.time.pool),
                patch.object(clients, "map_concurrently", self._map_concurrently),
                patch.object(clients.client("sqs"), "send_message", self.send_message),
                patch.object(clients.client("events"), "put_events", self.put_events),
            ):
                yield self
        finally:
            self.time.end()
            for events in hooked:
                events.unregister("before-call.*", pause)


def stream_worker(record: dict[str, Any]) -> int:
    """The number of the worker of a shard that reads a record. Records of one partition have the same worker."""
    workers: int = template.functions()["event_publisher"]["Events"]["Change"]["Properties"]["ParallelizationFactor"]
    return crc32(record["dynamodb"]["Keys"]["pk"]["S"].encode()) % workers


def copied(record: dict[str, Any], id_: str, now: int) -> dict[str, Any]:
    """A copy of the stream record of a creation, for another record that is created now."""
    own = record["dynamodb"]["Keys"]["sk"]["S"]
    copy: dict[str, Any] = json.loads(json.dumps(record).replace(own, id_))
    for name in ("created_at", "updated_at"):
        copy["dynamodb"]["NewImage"][name] = {"S": clock.text(now)}
    return copy | {"eventID": id_}
