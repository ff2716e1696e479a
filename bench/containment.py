#!/usr/bin/env python3
"""Measures how fast a hold reaches every descendant of a lot in two plants, while others try to take stock of them: from when
it was asked until all refuse (contained), and until ERP, MES and QMS of both plants have acknowledged (enforced). Fails when
a lot grants anything to a request sent after the hold was seen contained.
Usage: containment.py PROGRAM [--lots 1000] [--times 5] [--takers 8]"""

import argparse
import datetime
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "crash"))
from client import Client, Node, free_port  # noqa: E402
from trace import call, grow  # noqa: E402

SYSTEMS = ("erp", "mes", "qms")
PLANTS = ("hamburg", "kyoto")


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def set_up(node, lots):
    """One lot in hamburg, half of its descendants there, the other half in kyoto below a lot that was transferred."""
    for plant in PLANTS:
        call(node, "POST", f"/v1/plants/{plant}/commission", "ops", {"region": "eu", "time_zone": "Europe/Berlin"})
        call(node, "POST", f"/v1/plants/{plant}/materials/M/define", "erp", {"revision": "A", "base_unit": "EA"})
    call(node, "POST", "/v1/plants/hamburg/batches/L/receive", "erp", {"material": "M", "quantity": "2000000", "unit": "EA"})
    call(node, "POST", "/v1/plants/hamburg/batches/L/transfer-plant", "erp",
         {"posting": "T-1", "plant": "kyoto", "quantity": "1000000", "unit": "EA"})
    ready = time.monotonic() + 30
    while call(node, "GET", "/v1/plants/kyoto/stock?batch=L", "ops")["allocatable"] == "0":
        if time.monotonic() > ready:
            sys.exit("the transfer to kyoto has not arrived")
        time.sleep(0.02)
    for plant in PLANTS:
        grow(node, plant, lots // 2, 10)
    return [(plant, name) for plant in PLANTS for name in ["L"] + [f"L{i}" for i in range(lots // 2 - 1)]]


class Takers:
    """Threads that allocate one piece after another from whatever lot."""

    def __init__(self, node, lots, count, round_):
        self.node, self.lots, self.round, self.running = node, lots, round_, True
        self.granted, self.refused, self.lock = [], 0, threading.Lock()
        self.threads = [threading.Thread(target=self.take, args=(i,)) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def take(self, number):
        client, pick = Client(self.node.http), random.Random(number)
        plan = {"customer": "C", "items": [{"item": "10", "material": "M", "quantity": "1000000", "unit": "EA"}]}
        for plant in PLANTS:
            client.expect(200, "POST", f"/v1/plants/{plant}/shipments/S-{self.round}-{number}/plan", "dev-wms", plan)
        while self.running:
            plant, lot = pick.choice(self.lots)
            sent = time.monotonic()
            status, answer, _ = client.call("POST", f"/v1/plants/{plant}/shipments/S-{self.round}-{number}/allocate", "dev-wms",
                                            {"item": "10", "batch": lot, "quantity": "1", "unit": "EA"})
            with self.lock:
                if status == 200:
                    self.granted.append((sent, plant, lot))
                elif answer.get("code") in ("batch.held", "batch.genealogy_pending", "shipment.allocated_already"):
                    self.refused += 1
                else:
                    self.granted.append((float("inf"), plant, f"{lot}: {status} {answer}"))

    def stop(self):
        self.running = False
        for thread in self.threads:
            thread.join()


def until(node, path, states, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        state = call(node, "GET", path, "ops")["state"]
        if state.get("status") in states:
            return state, time.monotonic()
        time.sleep(0.005)
    sys.exit(f"{path}: {state.get('status')} after {seconds} s, not {states}")


def one_round(node, lots, number, takers):
    """(contained, enforced) in ms; every lot is asked for its stock after it was seen contained."""
    hold, path = f"H-{number}", f"/v1/plants/hamburg/holds/H-{number}"
    crowd = Takers(node, lots, takers, number)
    time.sleep(0.3)
    call(node, "POST", "/v1/plants/hamburg/batches/L/place-hold", "qms", {"hold": hold, "type": "quality", "reason": "crack"})
    state, seen = until(node, path, ("contained", "enforced"))
    time.sleep(0.3)
    crowd.stop()
    late = [g for g in crowd.granted if g[0] > seen]
    if late:
        sys.exit(f"granted after {hold} was contained: {late[:3]}")
    for plant, lot in lots:
        if not call(node, "GET", f"/v1/plants/{plant}/batches/{lot}", "ops")["state"].get("holds"):
            sys.exit(f"{plant}/{lot} does not have {hold}, which is contained")
    state, _ = until(node, path, ("enforced",), 120)
    times = [1000 * (moment(state[key]) - moment(state["asked_at"])).total_seconds() for key in ("contained_at", "enforced_at")]
    call(node, "POST", "/v1/plants/hamburg/batches/L/release-hold", "qms", {"hold": hold, "reason": "measured"})
    until(node, path, ("released",), 120)
    return times, len(crowd.granted), crowd.refused


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("program")
    options.add_argument("--lots", type=int, default=1000)
    options.add_argument("--times", type=int, default=5)
    options.add_argument("--takers", type=int, default=8)
    options = options.parse_args()
    place = tempfile.mkdtemp(prefix="millrace-containment-", dir="/var/tmp")
    ports = {system: free_port() for system in SYSTEMS}
    simulators = [subprocess.Popen([options.program, "simulator", system, "--http", f"127.0.0.1:{port}"], stderr=subprocess.DEVNULL)
                  for system, port in ports.items()]
    node = Node(pathlib.Path(options.program), pathlib.Path(place) / "data", free_port(),
                {system: f"http://127.0.0.1:{port}" for system, port in ports.items()})
    try:
        node.start()
        lots = set_up(node, options.lots)
        times = []
        for number in range(options.times):
            took, granted, refused = one_round(node, lots, number, options.takers)
            times.append(took)
            print(f"hold over {len(lots)} lots in two plants: contained {took[0]:.0f} ms, enforced {took[1]:.0f} ms; "
                  f"{granted} granted before, {refused} refused, none granted after", flush=True)
        for name, column in zip(("contained", "enforced"), zip(*times)):
            print(f"{name}: p50 {statistics.median(column):.0f} ms, worst {max(column):.0f} ms of {len(column)}")
    finally:
        node.kill()
        for simulator in simulators:
            simulator.kill()
            simulator.wait()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
