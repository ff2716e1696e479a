#!/usr/bin/env python3
"""Measures the whole in one run on one machine and quotes ratios against bare limits: a bare LMDB commit, the native port,
HTTP, memory per idle actor, restart, cold activation. Usage: run.py BUILD_DIR [--seconds 10] [--many 100000] [--json]"""

import argparse
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

    def __init__(self, program, data):
        super().__init__(program, data, free_port(), {})
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
        node = BenchNode(self.program, self.directory / "speed")
        node.start()
        try:
            thousand = ("--actors", 1000, "--plants", 16)
            self.commands(node, "native, 16 plants, 1,000 actors", bare, *thousand)
            self.commands(node, "native, one client, 1 in flight", bare, *thousand, "--in-flight", 1, prepared=True)
            self.commands(node, "native, 1 plant, 1,000 actors", bare, "--actors", 1000, "--plants", 1)
            self.commands(node, "native, 1,024 in flight", bare, *thousand, "--in-flight", 1024, prepared=True)
            self.commands(node, "HTTP, 16 plants, 1,000 actors", bare, *thousand, "--via", "http", "--connections", 128, prepared=True)
            self.commands(node, "HTTP, one client, 1 in flight", bare, *thousand, "--via", "http", "--in-flight", 1,
                          "--connections", 1, prepared=True)
            many = self.options.many
            self.commands(node, f"native, 16 plants, {many:,} actors", bare, "--actors", many, "--plants", 16)
        finally:
            node.terminate()

    def memory_restart_activation(self):
        """Orders that exist and idle: what each holds in memory, how fast a node with them is back, and how fast one wakes."""
        node, many = BenchNode(self.program, self.directory / "idle"), self.options.many
        node.start()
        try:
            before = node.anonymous_bytes()
            subprocess.run([str(self.program), "bench", "commands", "--http", node.http, "--client", node.client_port,
                            "--actors", str(many), "--plants", "16", "--in-flight", "64", "--seconds", "0.2", "--warm-up", "0"],
                           check=True, capture_output=True)
            time.sleep(self.options.settle)
            resident = Client(node.http).get("/v1/plants", "dev-ops")
            count = sum(p.get("resident", 0) for p in resident.get("items", [])) or many
            held = node.anonymous_bytes() - before
            self.line("memory per resident actor", f"{held / count:,.0f} bytes ({count:,} resident of {many:,})",
                      bytes=held / count, resident=count)
        finally:
            node.kill()
        began = time.monotonic()
        node.start()
        ready = time.monotonic() - began
        try:
            self.line("restart after SIGKILL to ready", f"{ready:.2f} s with {many:,} actors, {node.anonymous_bytes() / 1e6:,.0f} MB anonymous",
                      seconds=ready, anonymous=node.anonymous_bytes())
            client, rng = Client(node.http), random.Random(7)
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
        finally:
            node.kill()

    def all(self):
        try:
            bare = self.bare()
            self.speed(bare)
            self.memory_restart_activation()
        finally:
            shutil.rmtree(self.directory, ignore_errors=True)
        if self.options.json:
            print(json.dumps(self.figures))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--settle", type=float, default=3)
    parser.add_argument("--dir", default="/var/tmp")
    parser.add_argument("--json", action="store_true")
    Run(parser.parse_args()).all()


if __name__ == "__main__":
    main()
