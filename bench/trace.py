#!/usr/bin/env python3
"""Measures the trace of a lot with many descendants against a running node: splits one lot ten ways again and again until
there are so many, then asks for the whole tree. Usage: trace.py PROGRAM [--lots 10000] [--fan 10] [--times 20]"""

import argparse
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "crash"))
from client import Client, Node, free_port  # noqa: E402

BULK_MAX = 1000  # commands in one call


def call(node, method, path, token, body=None):
    status, answer, _ = Client(node.http).call(method, path, f"dev-{token}", body)
    if status >= 300:
        sys.exit(f"{method} {path}: {status}: {answer}")
    return answer


def grow(node, plant, lots, fan):
    """Breadth first: each lot of a level is split `fan` ways, once it has heard the holds of where it came from."""
    made, level, names = 1, [("L", 10**6)], iter(range(10**9))
    while made < lots:
        wanted, below = [], []
        for parent, quantity in level:
            share = quantity // (fan + 1)
            for _ in range(fan):
                if made == lots:
                    break
                made, child = made + 1, f"L{next(names)}"
                below.append((child, share))
                wanted.append({"address": f"{plant}/batch/{parent}", "command": "split",
                               "body": {"posting": child, "batch": child, "quantity": share, "unit": "EA"}})
        while wanted:
            sent = wanted[:BULK_MAX]
            answers = call(node, "POST", f"/v1/plants/{plant}/commands", "wms", sent)["results"]
            codes = [answer.get("problem", {}).get("code", "") for answer in answers]
            # A lot that still waits for its link is asked again.
            again = [command for command, code in zip(sent, codes) if code == "batch.genealogy_pending"]
            refused = [answer for answer, code in zip(answers, codes) if code not in ("", "batch.genealogy_pending")]
            if refused:
                sys.exit(f"refused: {refused[0]}")
            wanted = again + wanted[BULK_MAX:]
        level = below


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("program")
    options.add_argument("--lots", type=int, default=10_000)
    options.add_argument("--fan", type=int, default=10)
    options.add_argument("--times", type=int, default=20)
    options = options.parse_args()
    place = tempfile.mkdtemp(prefix="millrace-trace-", dir="/var/tmp")
    node = Node(pathlib.Path(options.program), pathlib.Path(place) / "data", free_port(), {})
    try:
        node.start()
        plant = "/v1/plants/hamburg"
        call(node, "POST", plant + "/commission", "ops", {"region": "eu", "time_zone": "Europe/Berlin"})
        call(node, "POST", plant + "/materials/M/define", "erp", {"revision": "A", "base_unit": "EA"})
        call(node, "POST", plant + "/batches/L/receive", "erp", {"material": "M", "quantity": "1000000", "unit": "EA"})
        began = time.monotonic()
        grow(node, "hamburg", options.lots, options.fan)
        print(f"{options.lots} lots by splits in {time.monotonic() - began:.1f} s")
        took = []
        for _ in range(options.times):
            began = time.monotonic()
            answer = call(node, "GET", plant + "/batches/L/genealogy?direction=down", "ops")
            took.append(1000 * (time.monotonic() - began))
        if len(answer["nodes"]) != options.lots or not answer["complete"]:
            sys.exit(f"the trace has {len(answer['nodes'])} of {options.lots} lots: {answer['incomplete']}")
        took.sort()
        print(f"trace of {options.lots} lots: p50 {statistics.median(took):.0f} ms, worst {took[-1]:.0f} ms, "
              f"{len(answer['edges'])} links")
    finally:
        node.kill()
        shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    main()
