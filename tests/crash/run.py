#!/usr/bin/env python3
"""Kills a real node with SIGKILL under load, round after round, and checks what was promised (reliability: I1, I2, I6):
no acknowledged command is missing, no effect is doubled inside or at the ERP's ledger, a key repeated after a restart
gets its first answer, the hash chain is intact. Exit 0 only when every check of every round held.
Usage: run.py --program build/release/millrace [--rounds 200] [--seed 1]"""

import argparse
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict

from client import Client, Node, Refused, free_port
from floor import LOTS, ORDERS, PLANT, STOCK, command_for, prepare, token
from ledger import Ledger

PLANTS = (PLANT, "bremen", "kiel", "luebeck", "rostock", "stade")  # what many plants commit at once is written otherwise
WORKERS = 12


def plant_of(key):
    """Each worker has one plant; keys are "round-worker-count"."""
    return PLANTS[int(key.split("-")[1]) % len(PLANTS)]


class Books:
    """What the clients were told, by order and batch: the yardstick for what the node must still hold."""

    def __init__(self):
        self.lock = threading.Lock()
        self.answers = {}  # key -> (request, status, sequence, event types)
        self.open = {}  # key -> request without an answer yet
        self.confirmed = defaultdict(int)  # (plant, order) -> yield acknowledged
        self.consumed = defaultdict(int)  # (plant, batch) -> quantity acknowledged as posted
        self.allocated = defaultdict(int)  # (plant, batch) -> quantity acknowledged as allocated

    def begin(self, key, request):
        with self.lock:
            self.open[key] = request

    def answered(self, key, status, body):
        with self.lock:
            request = self.open.pop(key, None) or self.answers[key][0]
            if key in self.answers:
                return self.answers[key]
            self.answers[key] = (request, status, body.get("sequence"), [e["type"] for e in body.get("events", [])])
            plant = plant_of(key)
            if status == 200 and request["command"] == "confirm-operation":
                self.confirmed[plant, request["id"]] += 1
            if status == 200 and request["command"] == "report-consumption":
                self.consumed[plant, request["body"]["batch"]] += 1
            if status == 200 and request["command"] == "allocate":
                self.allocated[plant, request["body"]["batch"]] += 1
            return None


class Load:
    """Clients in threads: each sends the next command with a key of its own and writes down what it was told."""

    def __init__(self, node, books, seed, round_number):
        self.node, self.books, self.stop = node, books, threading.Event()
        self.threads = [
            threading.Thread(target=self.run, args=(random.Random(f"{seed}/{round_number}/{w}"), round_number, w), daemon=True)
            for w in range(WORKERS)
        ]
        for thread in self.threads:
            thread.start()

    def run(self, rng, round_number, worker):
        client, count = Client(self.node.http), 0
        while not self.stop.is_set():
            count += 1
            key = f"{round_number}-{worker}-{count}"
            request = command_for(rng, key)
            self.books.begin(key, request)
            try:
                status, body, _ = client.command(plant_of(key), request, key=key)
            except OSError:
                return
            if status in (429, 503):
                continue
            self.books.answered(key, status, body)

    def join(self):
        self.stop.set()
        for thread in self.threads:
            thread.join(timeout=20)


def resend_open(client, books):
    """Commands whose answer was lost are sent again under their key: each gets exactly one outcome."""
    for key, request in list(books.open.items()):
        for _ in range(100):
            status, body, _ = client.command(plant_of(key), request, key=key)
            if status not in (409, 429, 503) or body.get("code") != "request.in_flight" and status == 409:
                break
            time.sleep(0.02)
        books.answered(key, status, body)


def check_replays(client, books, rng, failures):
    """Keys that were answered before the kill get the same answer and change nothing."""
    for key in rng.sample(sorted(books.answers), min(25, len(books.answers))):
        request, status, sequence, events = books.answers[key]
        if status not in (200, 202):
            continue
        again, body, headers = client.command(plant_of(key), request, key=key)
        first = (status, sequence, events)
        now = (again, body.get("sequence"), [e["type"] for e in body.get("events", [])])
        if now != first or headers.get("Idempotent-Replayed") != "true":
            failures.append(f"key {key}: first answer {first}, now {now}, replayed={headers.get('Idempotent-Replayed')}")


def check_state(client, books, plant, failures):
    path = f"/v1/plants/{plant}"
    for n in range(ORDERS):
        state = client.get(f"{path}/orders/O-{n}", token("ops"))["state"]
        told = books.confirmed[plant, f"O-{n}"]
        held = sum(int(op.get("confirmed_yield", op.get("yield", "0"))) for op in state["operations"])
        if told != held:
            failures.append(f"{plant} order O-{n}: {told} confirmations acknowledged, {held} held")
    for n in range(LOTS):
        state = client.get(f"{path}/batches/HSG-{n}", token("ops"))["state"]
        used = STOCK - sum(int(s["quantity"]) for s in state["stock"])
        told = books.consumed[plant, f"HSG-{n}"]
        if used != told:
            failures.append(f"{plant} batch HSG-{n}: {told} consumed by the answers, {used} in the stock")
        granted = sum(int(a["quantity"]) for a in state.get("allocations", []))
        told = books.allocated[plant, f"HSG-{n}"]
        if granted != told:
            failures.append(f"{plant} batch HSG-{n}: {told} allocated by the answers, {granted} in the batch")


def check_ledger(client, ledger, books, failures):
    """Every acknowledged report reaches the ERP, in order per key, and one id is one effect."""
    expected = {a[0]["body"].get("confirmation") or a[0]["body"].get("report")
                for a in books.answers.values()
                if a[1] == 200 and a[0]["command"] in ("confirm-operation", "report-consumption")}
    try:
        client.wait_for(lambda: expected <= ledger.reports(), "the outbox drained", timeout=120)
    except Refused:
        missing = sorted(expected - ledger.reports())
        failures.append(f"{len(missing)} reports never reached the ERP, e.g. {missing[:3]}")
    failures.extend(ledger.violations())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", default="1")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-crash-"))
    ledger, books, failures = Ledger(), Books(), []
    ledger.start()
    node = Node(options.program, directory / "data", free_port(), {"erp": ledger.url})
    try:
        node.start()
        client = Client(node.http)
        for plant in PLANTS:
            prepare(client, plant)
        for round_number in range(options.rounds):
            load = Load(node, books, options.seed, round_number)
            time.sleep(rng.uniform(0.02, 0.6))
            node.kill()
            load.join()
            node.start()
            client = Client(node.http)
            resend_open(client, books)
            check_replays(client, books, rng, failures)
            if round_number % 20 == 19 or round_number + 1 == options.rounds:
                for plant in PLANTS:
                    check_state(client, books, plant, failures)
            if failures:
                break
            if round_number % 10 == 9:
                print(f"round {round_number + 1}: {len(books.answers)} commands answered, none lost", file=sys.stderr)
        check_ledger(client, ledger, books, failures)
        node.terminate()
        verify = subprocess.run([options.program, "journal", "verify", "--data", str(directory / "data")],
                                capture_output=True, text=True, check=False)
        if verify.returncode != 0:
            failures.append(f"journal verify: {verify.stdout}{verify.stderr}")
    finally:
        node.kill()
        ledger.stop()
    for failure in failures:
        print(f"FAILED {failure}")
    if failures:
        print(f"data directory kept: {directory}")
        sys.exit(1)
    shutil.rmtree(directory)
    print(f"{options.rounds} rounds of SIGKILL, {len(books.answers)} commands answered: nothing lost, nothing doubled, chain intact")


if __name__ == "__main__":
    main()
