"""The clients: each sends one command after the other under a key of its own, at whatever node it can reach, and writes
down when it began, when it ended and what it was told. Most repeat a command until they know; some give up, and then the
outcome is unknown."""

import random
import threading
import time
from dataclasses import dataclass, field

from client import Client
from floor import ORDERS, PLANT, command_for, token

TIMEOUT_S = 4  # without an answer the client goes to the next node
PATIENCE_S = 60
PAUSE_S = 0.02
GIVES_UP = 0.3  # of the commands whose first answer does not come


@dataclass
class Operation:
    key: str
    request: dict
    began: float
    ended: float = 0
    outcome: str = "open"  # ok, fail, unknown
    status: int = 0
    body: dict = field(default_factory=dict)
    attempts: int = 0

    @property
    def report(self):
        return self.request["body"].get("confirmation") or self.request["body"].get("report")

    @property
    def subject(self):
        kind = {"orders": "order", "shipments": "shipment", "batches": "batch"}[self.request["collection"]]
        return f"{kind}/{self.request['id']}"

    def first_answer(self):
        return self.status, self.body.get("sequence"), [e["type"] for e in self.body.get("events", [])]


@dataclass
class Read:
    subject: str
    began: float
    ended: float
    sequence: int


def is_final(status, body):
    """Whether an answer says what became of the command; else the key is to be sent again."""
    if status in (202, 408, 429) or status >= 500:
        return False
    return not (status == 409 and body.get("code") == "request.in_flight")


class Load:
    def __init__(self, nodes, workers, seed):
        self.nodes, self.seed = nodes, seed
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.operations, self.reads, self.acknowledged_at, self.unanswered = [], [], [], {}
        self.threads = [threading.Thread(target=self.run, args=(w,), daemon=True) for w in range(workers)]

    def start(self):
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(timeout=PATIENCE_S + TIMEOUT_S)

    def run(self, worker):
        rng = random.Random(f"{self.seed}/{worker}")
        at = Connection(self.nodes, worker % len(self.nodes))
        count = 0
        while not self.stopping.is_set():
            count += 1
            if rng.random() < 0.1:
                self.read(at, f"O-{rng.randrange(ORDERS)}")
            else:
                key = f"{self.seed}-{worker}-{count}"
                operation = Operation(key, command_for(rng, key), time.monotonic())
                with self.lock:
                    self.operations.append(operation)
                self.carry_out(at, operation, rng)
            time.sleep(PAUSE_S)

    def carry_out(self, at, operation, rng, patience=PATIENCE_S):
        deadline = time.monotonic() + patience
        while True:
            operation.attempts += 1
            try:
                status, body, _ = at.client.command(PLANT, operation.request, operation.key)
            except OSError:
                status, body = 0, {}
                at.next()
            if status and is_final(status, body):
                operation.status, operation.body, operation.ended = status, body, time.monotonic()
                operation.outcome = "ok" if status == 200 else "fail"
                with self.lock:
                    self.acknowledged_at.append(operation.ended)
                return
            with self.lock:
                code = f"{status} {body.get('code', '')}".strip() if status else "no connection or no answer"
                self.unanswered[code] = self.unanswered.get(code, 0) + 1
            gives_up = operation.attempts == 1 and status != 429 and rng.random() < GIVES_UP
            if gives_up or time.monotonic() > deadline:
                operation.outcome, operation.ended = "unknown", float("inf")
                return
            time.sleep(PAUSE_S)

    def read(self, at, order):
        began = time.monotonic()
        try:
            status, body, _ = at.client.call(
                "GET", f"/v1/plants/{PLANT}/orders/{order}?consistency=linearizable", token("ops"))
        except OSError:
            at.next()
            return
        if status == 200:
            with self.lock:
                self.reads.append(Read(f"order/{order}", began, time.monotonic(), body["sequence"]))

    def waiting(self):
        """Commands that clients are still repeating."""
        with self.lock:
            return [o for o in self.operations if o.outcome == "open"]

    def acknowledged_since(self, moment):
        with self.lock:
            return any(t > moment for t in reversed(self.acknowledged_at[-50:]))


class Connection:
    """Of one thread: to one node at a time, in that node's network namespace."""

    def __init__(self, nodes, first):
        self.nodes, self.number = nodes, first - 1
        self.next()

    def next(self):
        self.number = (self.number + 1) % len(self.nodes)
        self.nodes[self.number].enter()
        self.client = Client(self.nodes[self.number].http, TIMEOUT_S)
