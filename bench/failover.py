#!/usr/bin/env python3
"""Kills the leader of a plant with SIGKILL, again and again, on three nodes of this machine, and measures how long it takes
until the next command is acknowledged: sent right after the kill, through a node that lives, with its client's one connection.
Usage: failover.py BUILD_DIR [--kills 50] [--dir /var/tmp] [--json]"""

import argparse
import json
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "crash"))
from client import Client, Refused, free_port  # noqa: E402

NODES = 3
LOT = dict(collection="batches", id="HSG-1", command="adjust-stock", token="dev-erp")
PLANT = "hamburg"


class Member:
    def __init__(self, program, directory, number, base):
        self.directory, self.number = directory / f"node-{number}", number
        self.command = [str(program), "node", "--dev", "--config", str(self.directory / "node.toml")]
        self.http = f"127.0.0.1:{base + number - 1}"
        self.process = None

    def start(self):
        with open(self.directory / "node.log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def ready(self):
        try:
            return Client(self.http).call("GET", "/readyz", "dev-ops")[0] == 200
        except OSError:
            return False

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def wait_for(condition, what, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise Refused(f"not in {seconds} s: {what}")
        time.sleep(0.02)


def plant_at(member):
    plants = Client(member.http).get("/v1/cluster", "dev-ops")["plants"]
    return next((p for p in plants if p["plant"] == PLANT), {})


def equal(member):
    """Every replica is there and has all of it, and one leads."""
    plant = plant_at(member)
    replicas = plant.get("replicas", [])
    return plant.get("leader") and len(replicas) == NODES and all(r["lag"] == 0 and r["applied"] > 0 for r in replicas)


def adjust(client, number):
    request = {**LOT, "body": {"quantity": "1", "unit": "EA", "reason": "count", "document": f"D-{number}"}}
    return client.command(PLANT, request, f"key-{number}")


def one_kill(members, number):
    """Milliseconds from SIGKILL of the leader to the answer of a command."""
    wait_for(lambda: all(m.ready() for m in members), "all nodes are ready")
    wait_for(lambda: equal(members[0]), "all replicas are equal")
    leader = members[plant_at(members[0])["leader"] - 1]
    client = Client(members[leader.number % NODES].http)
    if adjust(client, f"{number}-before")[0] != 200:
        raise Refused("no answer before the kill")
    began = time.monotonic()
    leader.process.send_signal(signal.SIGKILL)
    while True:
        status, body, _ = adjust(client, number)
        if status == 200:
            break
        if status != 503:
            raise Refused(f"{status} {body}")
    took = (time.monotonic() - began) * 1e3
    leader.process.wait()
    leader.start()
    return took


def stock_of_the_lot(members):
    wait_for(lambda: all(m.ready() for m in members), "all nodes are ready")
    state = Client(members[0].http).get(f"/v1/plants/{PLANT}/batches/HSG-1?consistency=linearizable", "dev-ops")["state"]
    return int(state["stock"][0]["quantity"])


def main():
    parser = argparse.ArgumentParser(prog="./mill bench failover")
    parser.add_argument("build", help=argparse.SUPPRESS)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--dir", default="/var/tmp")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    program = pathlib.Path(options.build) / "millrace"
    directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-failover-", dir=options.dir))
    base = free_port()
    members = [Member(program, directory, n, base) for n in range(1, NODES + 1)]
    try:
        subprocess.run([program, "cluster", "dev-config", str(NODES), directory, str(base)], check=True, capture_output=True)
        for member in members:
            member.start()
        wait_for(lambda: all(m.ready() for m in members), "all nodes are ready")
        client = Client(members[0].http)
        client.expect(200, "POST", f"/v1/plants/{PLANT}/commission", "dev-ops", {"region": "eu", "time_zone": "Europe/Berlin"})
        client.expect(200, "POST", f"/v1/plants/{PLANT}/materials/HOUSING/define", "dev-erp", {"revision": "A", "base_unit": "EA"})
        client.expect(200, "POST", f"/v1/plants/{PLANT}/batches/HSG-1/receive", "dev-erp",
                      {"material": "HOUSING", "quantity": "1", "unit": "EA"})
        times = sorted(one_kill(members, n) for n in range(options.kills))
        held = stock_of_the_lot(members)
        if held != 1 + 2 * options.kills:
            raise Refused(f"{1 + 2 * options.kills} acknowledged, {held} held")
    finally:
        for member in members:
            member.end()
        shutil.rmtree(directory, ignore_errors=True)
    at = lambda share: times[min(len(times) - 1, int(share * len(times)))]  # noqa: E731
    figures = {"kills": len(times), "p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99), "max_ms": times[-1]}
    if options.json:
        print(json.dumps(figures))
    else:
        print("leader killed -> next acknowledged command: " + ", ".join(f"{k} {v:.0f}" for k, v in figures.items()))


if __name__ == "__main__":
    main()
