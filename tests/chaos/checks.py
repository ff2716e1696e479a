"""What was promised, held against what the clients wrote down, each node's own events, and the ERP's ledger."""

import itertools
import json
import random
import threading
import time
from collections import defaultdict

from client import Client
from floor import LOTS, ORDERS, PLANT, SHIPMENTS, STOCK, token
from ledger import reports_in
from load import Connection

EVENTS_PAGE = 1000
REPLAYS = 200
DRAIN_S = 180


def in_namespace(node, work):
    """Runs work(client) in a thread in the node's namespace."""
    out = []

    def inside():
        node.enter()
        try:
            out.append((work(Client(node.http)), None))
        except Exception as failure:  # handed to the caller's thread
            out.append((None, failure))

    thread = threading.Thread(target=inside)
    thread.start()
    thread.join()
    if out[0][1]:
        raise out[0][1]
    return out[0][0]


class Events:
    """The events of the plant as one node has them."""

    def __init__(self, node):
        self.node = node
        self.by_place = {}  # (subject, sequence) -> [(type, reports)]
        self.counts = defaultdict(int)  # (subject, type and stage of its posting, report) -> times
        self.by_report = defaultdict(set)  # report -> subjects that have it
        self.items = []
        in_namespace(node, self.read)

    def read(self, client):
        after = "0"
        while True:
            page = client.get(f"/v1/events?plant={PLANT}&limit={EVENTS_PAGE}&after={after}", token("ops"))
            for event in page["items"]:
                self.take(event)
            if not page["next"] or page["next"] == after:
                return
            after = page["next"]

    def take(self, event):
        reports = reports_in(event["data"])
        self.items.append((event["id"], event["type"], event["subject"], event["sequence"], tuple(sorted(reports))))
        self.by_place.setdefault((event["subject"], int(event["sequence"])), []).append((event["type"], reports))
        posting = event["data"].get("erp")
        stage = posting.get("status", "") if isinstance(posting, dict) else ""
        for report in reports:
            self.counts[event["subject"], f"{event['type']} {stage}".strip(), report] += 1
            self.by_report[report].add(event["subject"])


def check_events(events, operations, found):
    """I1: what was answered with 200 is there, where it was said. I2: no report twice, none of a refused command."""
    for (subject, kind, report), times in events.counts.items():
        if times > 1:
            found.append(f"I2: node {events.node.number}: {report} is in {times} events {kind} of {subject}")
    for o in operations:
        if o.outcome == "ok" and o.body.get("events"):
            there = events.by_place.get((o.subject, o.body["sequence"]), [])
            said = [e["type"] for e in o.body["events"]]
            if not set(said) <= {kind for kind, _ in there}:
                found.append(f"I1: node {events.node.number}: {o.key} was answered with {said} at {o.subject} "
                             f"{o.body['sequence']}, there is {[kind for kind, _ in there]}")
        if o.report is None:
            continue
        subjects = events.by_report.get(o.report, set())
        if o.outcome == "ok" and o.subject not in subjects:
            found.append(f"I1: node {events.node.number}: {o.key} ({o.request['command']}) was acknowledged, {o.report} is nowhere")
        if o.outcome == "fail" and o.request["command"] == "confirm-operation" and subjects:
            found.append(f"I2: node {events.node.number}: {o.key} was refused with {o.body.get('code')}, and has its effect")


def check_equal(all_events, found):
    """I5: every node tells the same history."""
    first = all_events[0]
    for other in all_events[1:]:
        if other.items != first.items:
            at = next((i for i, (a, b) in enumerate(zip(first.items, other.items)) if a != b), min(len(first.items), len(other.items)))
            found.append(f"I5: nodes {first.node.number} and {other.node.number} differ from their event {at} on: "
                         f"{len(first.items)} and {len(other.items)} events, {first.items[at:at + 1]} and {other.items[at:at + 1]}")


def check_order(operations, reads, found):
    """I7: what ended before another began has the lower sequence at its actor; a read sees all that ended before it, and
    nothing that began after it."""
    by_actor = defaultdict(list)
    for o in operations:
        if o.outcome == "ok" and o.request["command"] == "confirm-operation" and o.body.get("events"):
            by_actor[o.subject].append((o.body["sequence"], o.began, o.ended, o.key, True))
    for r in reads:
        by_actor[r.subject].append((r.sequence, r.began, r.ended, "a read", False))
    for actor, steps in by_actor.items():
        steps.sort(key=lambda s: (s[0], not s[4]))
        latest = (float("-inf"), "nothing", 0)  # of lower sequences, what began last
        for sequence, group in itertools.groupby(steps, key=lambda s: s[0]):
            before = latest
            for _, began, ended, key, write in group:
                if ended < before[0]:
                    found.append(f"I7: {actor}: {key} with sequence {sequence} ended before {before[1]} with sequence {before[2]} began")
                latest = max(latest, (began, key, sequence))
                if write:
                    before = max(before, (began, key, sequence))  # who reads it does so after it began


def check_states(nodes, operations, found):
    """I1, I2: what the actors hold lies between what was acknowledged and what may have happened; I5: everywhere the same."""
    states = [in_namespace(n, read_states) for n in nodes]
    for node, state in zip(nodes[1:], states[1:]):
        for path in states[0]:
            if json.dumps(state[path], sort_keys=True) != json.dumps(states[0][path], sort_keys=True):
                found.append(f"I5: {path} differs on nodes {nodes[0].number} and {node.number}")
    told = defaultdict(lambda: [0, 0])  # (command, actor) -> acknowledged, possible
    for o in operations:
        actor = o.request["id"] if o.request["command"] == "confirm-operation" else o.request["body"]["batch"]
        told[o.request["command"], actor][0] += o.outcome == "ok"
        told[o.request["command"], actor][1] += o.outcome in ("ok", "unknown")
    for command, actor, held in figures(states[0]):
        low, high = told[command, actor]
        if not low <= held <= high:
            found.append(f"I1, I2: {actor}: {low} {command} acknowledged, {high} possible, {held} held")


def read_states(client):
    paths = [f"orders/O-{n}" for n in range(ORDERS)] + [f"batches/HSG-{n}" for n in range(LOTS)]
    paths += [f"shipments/S-{n}" for n in range(SHIPMENTS)]
    return {p: client.get(f"/v1/plants/{PLANT}/{p}?consistency=local", token("ops")) for p in paths}


def figures(states):
    for n in range(ORDERS):
        operations = states[f"orders/O-{n}"]["state"]["operations"]
        yield "confirm-operation", f"O-{n}", sum(int(o.get("confirmed_yield", o.get("yield", "0"))) for o in operations)
    for n in range(LOTS):
        lot = states[f"batches/HSG-{n}"]["state"]
        yield "report-consumption", f"HSG-{n}", STOCK - sum(int(s["quantity"]) for s in lot["stock"])
        yield "allocate", f"HSG-{n}", sum(int(a["quantity"]) for a in lot.get("allocations", []))


def check_ledger(ledger, operations, all_events, found):
    """Every acknowledged report reaches the ERP once, and of one order in the order of its events (I6)."""
    expected = {o.report for o in operations if o.outcome == "ok" and o.report}
    deadline = time.monotonic() + DRAIN_S
    while not expected <= ledger.reports() and time.monotonic() < deadline:
        time.sleep(0.1)
    missing = sorted(expected - ledger.reports())
    if missing:
        found.append(f"I6: {len(missing)} reports did not reach the ERP in {DRAIN_S} s, e.g. {missing[:3]}")
    found.extend(f"I2: the ERP: {what}" for what in ledger.violations())
    unfounded = [r for r in ledger.reports() if r not in all_events[0].by_report]
    if unfounded:
        found.append(f"I2: the ERP has {len(unfounded)} reports that the journal does not, e.g. {unfounded[:3]}")


def check_replays(load, nodes, seed, found):
    """A key repeated gets its first answer and changes nothing. Returns how many were tried."""
    rng = random.Random(seed)
    answered = [o for o in load.operations if o.outcome == "ok"]
    tried = rng.sample(answered, min(REPLAYS, len(answered)))

    def work():
        at = Connection(nodes, 0)
        for o in tried:
            at.next()
            status, body, headers = at.client.command(PLANT, o.request, o.key)
            now = status, body.get("sequence"), [e["type"] for e in body.get("events", [])]
            if now != o.first_answer() or headers.get("Idempotent-Replayed") != "true":
                found.append(f"I2: key {o.key}: first answer {o.first_answer()}, now {now}")

    in_thread(work, found)
    return len(tried)


def settle_unknown(load, nodes, seed, found):
    """Half of the commands whose outcome is unknown are asked for again under their keys: each has one outcome."""
    unknown = [o for o in load.operations if o.outcome == "unknown"][::2]

    def work():
        at = Connection(nodes, 0)
        for o in unknown:
            load.carry_out(at, o, random.Random(seed), patience=30)
            if o.outcome == "unknown":
                found.append(f"I9: {o.key} is still unknown when everything is well")

    in_thread(work, found)
    return len(unknown)


def in_thread(work, found):
    def guarded():
        try:
            work()
        except Exception as failure:
            found.append(f"the check itself failed: {failure!r}")

    thread = threading.Thread(target=guarded)
    thread.start()
    thread.join()
