#!/usr/bin/env python3
"""A cluster of real nodes under faults, one after the other, while clients write down what they are told; then everything
is held against it. `./mill chaos` starts it in namespaces of its own, which end with it. Exit 0 only when every check held.
Usage: run.py --program build/release/millrace [--minutes 5] [--seed 1] [--only FAULT] [--report FILE]"""

import argparse
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "crash"))

import checks  # noqa: E402
import report  # noqa: E402
from client import Refused  # noqa: E402
from cluster import ERP_PORT, Cluster  # noqa: E402
from faults import FAULTS  # noqa: E402
from floor import PLANT, prepare  # noqa: E402
from ledger import Ledger  # noqa: E402
from load import Load  # noqa: E402

SMALL_DISK_MB = 2048
COMMIT_AGAIN_S = 10  # I9: after the faults end
REST_S = 90


def say(text):
    print(text, file=sys.stderr, flush=True)


def serve_erp(ledger, node):
    def listen():
        node.enter()
        ledger.start(ERP_PORT)

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()


def one_fault(cluster, load, name, rng, records, found, began):
    record = report.Record(name)
    records.append(record)
    record.began = time.monotonic()
    record.what, heal = FAULTS[name](cluster, rng)
    say(f"{record.began - began:7.1f} s  {name}: {record.what}")
    time.sleep(rng.choice([0.5, 2, 5]) * rng.uniform(0.5, 1.5))
    ended = heal()
    if isinstance(ended, str):
        record.what += f"; {ended}"
    record.ended = time.monotonic()
    cluster.wait_ready()
    ready = time.monotonic()
    while not load.acknowledged_since(ready):
        if time.monotonic() > ready + COMMIT_AGAIN_S:
            raise Refused(f"I9: no answer in {COMMIT_AGAIN_S} s after {name}: {record.what}")
        time.sleep(0.02)
    record.well = time.monotonic()
    for node in cluster.dead():
        found.append(f"node {node.number} ended with {node.process.returncode}:\n{node.log_tail()}")


def hold_against(cluster, load, seed, found):
    """All checks, when everything is well again; lines for the report."""
    deadline = time.monotonic() + REST_S
    settled = checks.settle_unknown(load, cluster.nodes, seed, found)
    replayed = checks.check_replays(load, cluster.nodes, seed, found)
    events = [checks.Events(cluster.nodes[0])]
    checks.check_ledger(cluster.ledger, load.operations, events, found)
    while not cluster.at_rest(PLANT):
        if time.monotonic() > deadline:
            found.append(f"I9: the replicas do not converge: {cluster.plant(PLANT)}")
            break
        time.sleep(0.1)
    events = [checks.Events(n) for n in cluster.nodes]
    for one in events:
        checks.check_events(one, load.operations, found)
    checks.check_equal(events, found)
    checks.check_order(load.operations, load.reads, found)
    checks.check_states(cluster.nodes, load.operations, found)
    plant = cluster.plant(PLANT)
    heads = ", ".join(f"node {r['node']}: {r['applied']} {r['chain_head'][:16]}" for r in plant["replicas"])
    return [f"{settled} unknown outcomes asked for again, {replayed} keys repeated, {len(events[0].items)} events at each node, "
            f"{len(cluster.ledger.effects)} deliveries in the ERP's ledger; term {plant['term']}; applied and chain head: {heads}."]


def play(cluster, load, options, records, found, began):
    """Faults until the time is over; False when it was interrupted."""
    rng = random.Random(options.seed)
    names, waiting = options.only or list(FAULTS), []
    load.start()
    time.sleep(1)
    while time.monotonic() < began + 60 * options.minutes and not found:
        if not waiting:  # every fault once before any comes again
            waiting = rng.sample(names, len(names))
        one_fault(cluster, load, waiting.pop(), rng, records, found, began)
        time.sleep(rng.uniform(0.2, 2))


def main():
    parser = argparse.ArgumentParser(prog="./mill chaos")
    parser.add_argument("--program", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--nodes", type=int, choices=(3, 5), default=3)
    parser.add_argument("--clients", type=int, default=6)
    parser.add_argument("--only", action="append", choices=sorted(FAULTS), metavar="FAULT",
                        help="repeatable; one of " + ", ".join(FAULTS))
    parser.add_argument("--report", type=pathlib.Path, default=HERE.parents[1] / "build" / "chaos" / "report.md")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-chaos-"))
    began, found, records, extra, code = time.monotonic(), [], [], [], 1
    cluster = load = None
    try:
        cluster = Cluster(options.program, directory, options.nodes, SMALL_DISK_MB)
        cluster.ledger = Ledger()
        for node in cluster.nodes:
            serve_erp(cluster.ledger, node)
        cluster.start()
        checks.in_namespace(cluster.nodes[0], prepare)
        load = Load(cluster.nodes, options.clients, options.seed)
        try:
            play(cluster, load, options, records, found, began)
        except (Refused, AssertionError) as failure:
            found.append(str(failure))
        load.stop()
        if not found:
            extra = hold_against(cluster, load, options.seed, found)
        found += cluster.stop()
        wrong, lines = cluster.verify()
        found += wrong
        extra += ["", *lines]
        code = 1 if found else 0
    except KeyboardInterrupt:
        say("interrupted")
        code = 130
    except (Refused, OSError) as failure:
        found.append(str(failure))
    finally:
        threading.excepthook = lambda *_: None  # clients that are still at it lose their nodes
        if cluster:
            cluster.end()
        if load:
            report.write(options.report, options, began, records, load, extra, found)
        if code == 1:
            say(f"the nodes' logs and data are kept: {directory}")
        elif cluster:
            cluster.remove()
    for what in report.shortened(found):
        print(f"FAILED {what}")
    if code == 0:
        print(f"{len(records)} faults, {len(load.operations)} commands: nothing lost, nothing doubled, chains intact")
    print(f"report: {options.report}", flush=True)
    os._exit(code)  # without waiting for threads of clients and of the ERP


if __name__ == "__main__":
    main()
