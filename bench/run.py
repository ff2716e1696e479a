#!/usr/bin/env python3
"""Measures the whole in one run on one machine and quotes ratios against bare limits: a bare LMDB commit, the native port,
HTTP, holds under load, memory per idle actor, restart, cold activation. Usage: run.py BUILD_DIR [--seconds 10]
[--many 100000] [--only PART] [--json]"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "crash"))
from client import Client, Node, free_port  # noqa: E402


class BenchNode(Node):
    """A node with a client port."""

    def __init__(self, program, data, endpoints=None):
        super().__init__(program, data, free_port(), endpoints or {})
        self.client_port = f"tcp://127.0.0.1:{free_port()}"
        self.command += ["--client", self.client_port]

    def anonymous_bytes(self):
        for line in pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) * 1024
        return 0

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run_json(*command):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False)
    if not done.stdout.strip():
        raise SystemExit(f"{command[0]} failed: {done.stderr.strip()}")
    if done.returncode != 0:
        print(f"  note: {done.stderr.strip()}", file=sys.stderr)
    return json.loads(done.stdout.splitlines()[-1])


class Run:
    def __init__(self, options):
        self.options = options
        self.build = pathlib.Path(options.build)
        self.program = self.build / "millrace"
        # Not /tmp: on many machines that is memory, and the point is a real disk.
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-bench-", dir=options.dir))
        self.figures = {}

    def line(self, name, text, **figures):
        self.figures[name] = figures
        if not self.options.json:
            print(f"{name:<34} {text}", flush=True)

    def bare(self):
        (self.directory / "one").mkdir()
        (self.directory / "many").mkdir()
        one = run_json(self.build / "bench/bare_lmdb_commit", self.directory / "one", 1, 3)
        many = run_json(self.build / "bench/bare_lmdb_commit", self.directory / "many", 256, 3)
        echo = run_json(self.build / "bench/bare_zmq_echo", 256, 3)
        self.line("bare LMDB commit, 1 record", f"p50 {one['p50_us']:.0f} µs  p99 {one['p99_us']:.0f} µs", **one)
        self.line("bare LMDB commit, 256 records", f"{many['records_per_s']:,.0f} records/s", **many)
        self.line("bare ZeroMQ echo, 256 in flight", f"{echo['messages_per_s']:,.0f} messages/s", **echo)
        return one, many

    def started(self, name, endpoints=None):
        node = BenchNode(self.program, self.directory / name, endpoints)
        node.start()
        return node

    def commands(self, node, name, bare, *extra, prepared=False):
        cpu = node.cpu_seconds()
        began = time.monotonic()
        got = run_json(self.program, "bench", "commands", "--http", node.http, "--client", node.client_port, "--json",
                       "--seconds", self.options.seconds, *(["--prepared"] if prepared else []), *extra)
        busy = (node.cpu_seconds() - cpu) / (time.monotonic() - began)
        ratio = got["p50_us"] / bare[0]["p50_us"]
        self.line(name, f"{got['rate']:>9,.0f} commands/s  p50 {got['p50_us']:.0f}  p90 {got['p90_us']:.0f}  "
                        f"p99 {got['p99_us']:.0f}  p99.9 {got['p999_us']:.0f} µs   node {busy:.2f} cores   "
                        f"p50 = {ratio:.1f} bare commits" + ("" if got["refused"] + got["violations"] == 0 else "   FAILED ANSWERS"),
                  **got, cores=round(busy, 2), p50_in_bare_commits=round(ratio, 2))
        return got

    def speed(self, bare):
        node = self.started("speed")
        try:
            thousand = ("--actors", 1000, "--plants", 16)
            self.commands(node, "native, 16 plants, 1,000 actors", bare, *thousand)
            self.commands(node, "native, one client, 1 in flight", bare, *thousand, "--in-flight", 1, prepared=True)
            self.commands(node, "native, 1 plant, 1,000 actors", bare, "--actors", 1000, "--plants", 1)
            self.commands(node, "native, 1,024 in flight", bare, *thousand, "--in-flight", 1024, prepared=True)
            self.commands(node, "HTTP, 16 plants, 1,000 actors", bare, *thousand, "--via", "http", "--connections", 256, prepared=True)
            self.commands(node, "HTTP, one client, 1 in flight", bare, *thousand, "--via", "http", "--in-flight", 1,
                          "--connections", 1, prepared=True)
            many = self.options.many
            self.commands(node, f"native, 16 plants, {many:,} actors", bare, "--actors", many, "--plants", 16)
        finally:
            node.terminate()

    @contextlib.contextmanager
    def simulated(self):
        """An ERP, an MES and a QMS, by their URLs."""
        ports = {system: free_port() for system in ("erp", "mes", "qms")}
        simulators = [subprocess.Popen([str(self.program), "simulator", system, "--http", f"127.0.0.1:{port}"],
                                       stderr=subprocess.DEVNULL) for system, port in ports.items()]
        try:
            yield {system: f"http://127.0.0.1:{port}" for system, port in ports.items()}
        finally:
            for simulator in simulators:
                simulator.terminate()
                simulator.wait()

    def holds(self):
        """Holds to real simulators over HTTP, alone and under a steady load in the same plants: as the ERP is bound there,
        every confirmation of the load is posted to it as well."""
        with self.simulated() as urls:
            for name, rate in (("hold -> ERP, MES, QMS, idle", 1), ("hold -> ERP, MES, QMS, 5,000/s", 5000)):
                node = self.started(f"holds-{rate}", urls)
                try:
                    self.hold_run(node, name, rate)
                finally:
                    node.terminate()

    def hold_run(self, node, name, rate):
        got = run_json(self.program, "bench", "holds", "--http", node.http, "--client", node.client_port, "--json",
                       "--seconds", max(self.options.seconds, 5), "--rate", rate, "--actors", 1000, "--plants", 16)
        self.line(name, f"p50 {got['all_p50_us'] / 1e3:.1f}  p99 {got['all_p99_us'] / 1e3:.1f}  max {got['all_max_us'] / 1e3:.1f} ms "
                        f"({got['holds']} holds; placed p99 {got['placed_p99_us'] / 1e3:.1f} ms; "
                        f"commands {got['rate']:,.0f}/s p99 {got['p99_us'] / 1e3:.1f} ms)"
                        + ("" if got["refused"] + got["violations"] + got["unacknowledged"] == 0 else "   FAILED ANSWERS"), **got)

    def burst(self):
        """A change of shift: 20,000 confirmations at once, again and again, in one plant, and holds all the while. The ERP
        is bound, so each confirmation is posted to it as well. Holds between the bursts are the ones to compare with."""
        with self.simulated() as urls:
            node = self.started("burst", urls)
            try:
                got = run_json(self.program, "bench", "holds", "--http", node.http, "--client", node.client_port, "--json",
                               "--seconds", max(self.options.seconds, 20), "--actors", 1000, "--plants", 1,
                               "--burst", 20_000, "--burst-every", 4, "--holds", 50)
            finally:
                node.terminate()
        bad = got["refused"] + got["violations"] + got["unacknowledged"]
        ms = {name: got[f"{name}_us"] / 1e3 for name in ("placed_p50", "placed_p99", "all_p50", "all_p99", "burst_p50",
              "burst_placed_p50", "burst_placed_p99", "burst_all_p50", "burst_all_p99")}
        self.line("hold alone", f"placed p50 {ms['placed_p50']:.1f}  p99 {ms['placed_p99']:.1f}   ERP, MES, QMS p50 "
                                f"{ms['all_p50']:.1f}  p99 {ms['all_p99']:.1f} ms   ({got['holds']} holds)", **got)
        self.line("hold in a burst of 20,000", f"placed p50 {ms['burst_placed_p50']:.1f}  p99 {ms['burst_placed_p99']:.1f}   "
                  f"ERP, MES, QMS p50 {ms['burst_all_p50']:.1f}  p99 {ms['burst_all_p99']:.1f} ms   ({got['burst_holds']} holds; "
                  f"{got['bursts']} bursts, each answered after {ms['burst_p50']:.0f} ms)" + ("   FAILED ANSWERS" if bad else ""))

    def memory_restart_activation(self):
        """Orders that exist and idle: what each holds in memory, how fast a node with them is back, and how fast one wakes."""
        many = self.options.many
        node = self.started("idle")
        try:
            before = node.anonymous_bytes()
            subprocess.run([str(self.program), "bench", "commands", "--http", node.http, "--client", node.client_port,
                            "--actors", str(many), "--plants", "16", "--in-flight", "64", "--seconds", "0.2", "--warm-up", "0"],
                           check=True, capture_output=True)
            self.memory(node, "memory per resident actor, after load", before, self.options.settle)
            self.memory(node, "the same, settled", before, self.options.rest)
            self.state_of_one(node)
        finally:
            node.kill()
        began = time.monotonic()
        node.start(timeout=120)
        ready = time.monotonic() - began
        try:
            self.line("restart after SIGKILL to ready", f"{ready:.2f} s with {many:,} actors, {node.anonymous_bytes() / 1e6:,.0f} MB anonymous",
                      seconds=ready, anonymous=node.anonymous_bytes())
            self.activation(node)
        finally:
            node.kill()

    def memory(self, node, name, before, wait_s):
        time.sleep(wait_s)
        plants = Client(node.http).get("/v1/plants", "dev-ops")
        count = sum(p.get("resident", 0) for p in plants.get("items", [])) or self.options.many
        held = node.anonymous_bytes() - before
        self.line(name, f"{held / count:,.0f} bytes ({count:,} resident of {self.options.many:,}; {node.anonymous_bytes() / 1e6:,.0f} MB)",
                  bytes=held / count, resident=count)

    def state_of_one(self, node):
        """How large the state is that such an actor has, as JSON: the gate is for one of 200 bytes."""
        one = Client(node.http).get("/v1/plants/bench-0/orders/B-0", "dev-ops")
        self.line("state of one of them, as JSON", f"{len(json.dumps(one.get('state', one))):,} bytes")

    def activation(self, node):
        client, rng, many = Client(node.http), random.Random(7), self.options.many
        cold, warm = [], []
        for actor in rng.sample(range(many), min(2000, many)):
            path = f"/v1/plants/bench-{actor % 16}/orders/B-{actor}"
            for times in (cold, warm):
                began = time.perf_counter()
                client.get(path, "dev-ops")
                times.append((time.perf_counter() - began) * 1e6)
        cold.sort()
        warm.sort()
        self.line("cold activation, GET", f"p50 {cold[len(cold) // 2]:.0f} µs  p99 {cold[len(cold) * 99 // 100]:.0f} µs; "
                                          f"the same again p50 {warm[len(warm) // 2]:.0f} µs",
                  cold_p50_us=cold[len(cold) // 2], warm_p50_us=warm[len(warm) // 2])

    def all(self):
        try:
            bare = self.bare()
            parts = {"speed": lambda: self.speed(bare), "holds": self.holds, "burst": self.burst, "idle": self.memory_restart_activation}
            for name, part in parts.items():
                if not self.options.only or name in self.options.only:
                    part()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)
        if self.options.json:
            print(json.dumps(self.figures))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--settle", type=float, default=3, help="seconds after the load until memory is read")
    parser.add_argument("--rest", type=float, default=25, help="seconds more until it is read again: stored, and at rest")
    parser.add_argument("--only", action="append", choices=["speed", "holds", "burst", "idle"], help="a part of the whole; repeatable")
    parser.add_argument("--dir", default="/var/tmp")
    parser.add_argument("--json", action="store_true")
    Run(parser.parse_args()).all()


if __name__ == "__main__":
    main()
