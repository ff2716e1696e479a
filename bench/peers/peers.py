#!/usr/bin/env python3
"""Measures what the same machine does with the systems that an integration is otherwise built on, in one run with Millrace:
300-byte messages, 256 in flight, each with the durability that is printed beside it. Everything runs on this machine, the
load generators too. Usage: peers.py BUILD_DIR [--seconds 8] [--only NAME] [--json]"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

IN_FLIGHT = 256
POSTGRES_CLIENTS = (16, 32, 64)  # more only wait for each other's locks and the processor; the best counts
SYNCED = "synced to disk"
MAJORITY = "synced to disk on a majority of three"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]}: {(done.stderr or done.stdout).strip()[-400:]}")
    return done.stdout


def until(what, seconds, ready):
    """Waits until `ready` answers something; it may fail meanwhile."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(Exception):
            if (got := ready()):
                return got
        time.sleep(0.2)
    raise RuntimeError(f"{what} is not ready after {seconds} s")


def as_user(user):
    """PostgreSQL and RabbitMQ do not run as root."""
    return ["runuser", "-u", user, "--"] if os.geteuid() == 0 else []


class Peer:
    """Processes of one system in a folder of its own; `nodes` of them."""

    user = None

    def __init__(self, build, nodes):
        self.build, self.nodes = build, nodes
        self.processes = []
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="millrace-peer-", dir="/var/tmp"))
        self.directory.chmod(0o755)
        if self.user and os.geteuid() == 0:
            shutil.chown(self.directory, self.user)

    def spawn(self, *command, env=None):
        log = open(self.directory / f"log-{len(self.processes)}", "wb")
        self.processes.append(subprocess.Popen([str(c) for c in command], stdout=log, stderr=log, cwd=self.directory,
                                               env={**os.environ, **(env or {})}, start_new_session=True))

    def stop(self):
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)


class Etcd(Peer):
    name = "etcd, put"

    def start(self):
        self.ports = [free_port() for _ in range(self.nodes)]
        peers = [free_port() for _ in range(self.nodes)]
        everyone = ",".join(f"n{i}=http://127.0.0.1:{p}" for i, p in enumerate(peers))
        for i in range(self.nodes):
            client, peer = (f"http://127.0.0.1:{port}" for port in (self.ports[i], peers[i]))
            self.spawn("etcd", "--name", f"n{i}", "--data-dir", self.directory / f"n{i}", "--listen-client-urls", client,
                       "--advertise-client-urls", client, "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                       "--initial-cluster", everyone, "--quota-backend-bytes", 8 << 30)
        self.leader = until("etcd", 30, self.find_leader)
        self.durability = SYNCED if self.nodes == 1 else MAJORITY

    def control(self, port, *arguments):
        return run("etcdctl", "--endpoints", f"127.0.0.1:{port}", *arguments, "-w", "json", env={**os.environ, "ETCDCTL_API": "3"})

    def find_leader(self):
        for port in self.ports:
            status = json.loads(self.control(port, "endpoint", "status"))[0]["Status"]
            if status["leader"] == status["header"]["member_id"]:
                return port
        return None

    def revision(self):
        return json.loads(self.control(self.leader, "get", "x"))["header"]["revision"]

    def measure(self, seconds):
        key, value = b"orders/1000042", b"x" * 300
        message = b"\x0a" + bytes([len(key)]) + key + b"\x12" + bytes([len(value) & 127 | 128, len(value) >> 7]) + value
        body = self.directory / "put"
        body.write_bytes(b"\0" + len(message).to_bytes(4, "big") + message)
        before = self.revision()
        out = run("h2load", "-D", int(seconds), "-c", 1, "-m", IN_FLIGHT, "-t", 1, "-d", body, "-H", "content-type: application/grpc",
                  "-H", "te: trailers", f"http://127.0.0.1:{self.leader}/etcdserverpb.KV/Put")
        mean = re.search(r"request\s*:\s*\S+\s+\S+\s+(\S+?)(us|ms|s)\s", out)
        scale = {"us": 1, "ms": 1e3, "s": 1e6}
        return {"rate": (self.revision() - before) / int(seconds), "p50_us": float(mean[1]) * scale[mean[2]] if mean else 0}


class Postgres(Peer):
    name = "PostgreSQL, state + outbox"
    user = "postgres"

    def start(self):
        self.bin = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        self.ports = [free_port() for _ in range(self.nodes)]
        primary = self.directory / "primary"
        run(*as_user(self.user), self.bin / "initdb", "-D", primary, "-A", "trust", "-U", "postgres")
        self.serve(primary, self.ports[0])
        self.sql("CREATE TABLE state (id int PRIMARY KEY, version int, body text)",
                 "INSERT INTO state SELECT i, 0, repeat('x', 300) FROM generate_series(1, 1000) i",
                 "CREATE TABLE outbox (seq bigserial PRIMARY KEY, id int, body text)")
        self.durability = SYNCED
        if self.nodes > 1:
            self.add_standby(primary)
            self.durability = "synced to disk here and on one standby"

    def serve(self, directory, port):
        self.spawn(*as_user(self.user), self.bin / "postgres", "-D", directory, "-p", port, "-k", self.directory,
                   "-c", "max_connections=200", "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB")
        until("PostgreSQL", 30, lambda: run("psql", *self.to(port), "-c", "SELECT 1"))

    def add_standby(self, primary):
        standby = self.directory / "standby"
        run(*as_user(self.user), self.bin / "pg_basebackup", "-h", "127.0.0.1", "-p", self.ports[0], "-U", "postgres",
            "-D", standby, "-R", "-d", "application_name=standby")
        self.serve(standby, self.ports[1])
        self.sql("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        until("the standby", 30, lambda: "sync" in self.sql("SELECT sync_state FROM pg_stat_replication"))

    @staticmethod
    def to(port):
        return ("-h", "127.0.0.1", "-p", port, "-U", "postgres", "-At", "postgres")

    def sql(self, *statements):
        return "".join(run("psql", *self.to(self.ports[0]), "-c", s) for s in statements)

    def measure(self, seconds):
        script = self.directory / "transaction.sql"
        script.write_text("\\set id random(1, 1000)\nBEGIN;\n"
                          "UPDATE state SET version = version + 1, body = repeat('y', 300) WHERE id = :id;\n"
                          "INSERT INTO outbox (id, body) VALUES (:id, repeat('z', 300));\nCOMMIT;\n")
        best = {"rate": 0}
        for clients in POSTGRES_CLIENTS:
            out = run("pgbench", "-h", "127.0.0.1", "-p", self.ports[0], "-U", "postgres", "-n", "-M", "prepared", "-f", script,
                      "-c", clients, "-j", 1, "-T", int(seconds), "postgres")
            rate = float(re.search(r"tps = ([0-9.]+)", out)[1])
            if rate > best["rate"]:
                best = {"rate": rate, "p50_us": float(re.search(r"latency average = ([0-9.]+) ms", out)[1]) * 1e3, "clients": clients}
        return best


class RabbitMQ(Peer):
    name = "RabbitMQ, quorum queue, confirmed"
    user = "rabbitmq"

    def start(self):
        self.ports = [free_port() for _ in range(self.nodes)]
        mark = f"{random.randrange(1 << 24):06x}"  # several runs, several sets of Erlang nodes
        self.names = [f"mill{mark}{i}@localhost" for i in range(self.nodes)]
        home = self.directory / "home"
        home.mkdir()
        cookie = home / ".erlang.cookie"
        cookie.write_text(mark * 4)
        cookie.chmod(0o400)
        if os.geteuid() == 0:
            shutil.chown(home, self.user)
            shutil.chown(cookie, self.user)
        self.environments = []
        for i in range(self.nodes):
            self.environments.append({"HOME": str(home), "RABBITMQ_NODENAME": self.names[i], "RABBITMQ_NODE_PORT": str(self.ports[i]),
                                      "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_DIST_PORT": str(free_port()),
                                      "RABBITMQ_MNESIA_BASE": str(self.directory / f"db{i}"), "RABBITMQ_LOG_BASE": str(self.directory),
                                      "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "plugins"),
                                      "RABBITMQ_CONFIG_FILE": str(self.directory / "none"), "RABBITMQ_PID_FILE": str(home / f"pid{i}")})
            self.spawn(*as_user(self.user), "/usr/lib/rabbitmq/bin/rabbitmq-server", env=self.environments[i])
            until(f"RabbitMQ {i}", 90, lambda i=i: self.control(i, "await_startup") or True)
        for i in range(1, self.nodes):
            for step in (["stop_app"], ["reset"], ["join_cluster", self.names[0]], ["start_app"]):
                self.control(i, *step)
        self.durability = SYNCED if self.nodes == 1 else MAJORITY

    def control(self, i, *arguments):
        return run(*as_user(self.user), "/usr/lib/rabbitmq/bin/rabbitmqctl", "-n", self.names[i], *arguments,
                   env={**os.environ, **self.environments[i]}, cwd=self.directory)

    def measure(self, seconds):
        return json.loads(run(self.build / "bench/rabbitmq_publish", self.ports[0], IN_FLIGHT, seconds, self.nodes))


class Nats(Peer):
    name = "NATS JetStream, file"

    def start(self):
        self.ports = [free_port() for _ in range(self.nodes)]
        routes = [free_port() for _ in range(self.nodes)]
        for i in range(self.nodes):
            text = f'server_name: n{i}\nlisten: "127.0.0.1:{self.ports[i]}"\njetstream {{ store_dir: "{self.directory}/n{i}" }}\n'
            if self.nodes > 1:
                urls = ", ".join(f'"nats://127.0.0.1:{p}"' for p in routes)
                text += f'cluster {{ name: mill, listen: "127.0.0.1:{routes[i]}", routes: [{urls}] }}\n'
            file = self.directory / f"n{i}.conf"
            file.write_text(text)
            self.spawn("nats-server", "-c", file)
        self.durability = "written, synced every two minutes" + ("" if self.nodes == 1 else ", three copies")

    def measure(self, seconds):
        # A stream can be made once the servers have chosen who leads them.
        return until("NATS", 60, lambda: json.loads(run(self.build / "bench/nats_publish", self.ports[0], IN_FLIGHT, seconds, self.nodes)))


class Millrace(Peer):
    name = "Millrace, confirm-operation"

    def start(self):
        program = self.build / "millrace"
        if self.nodes == 1:
            http, client = free_port(), free_port()
            self.http, self.client = f"127.0.0.1:{http}", f"tcp://127.0.0.1:{client}"
            self.spawn(program, "node", "--dev", "--data", self.directory / "data", "--http", self.http, "--client", self.client)
            until("the node", 30, lambda: run("curl", "-sf", f"http://{self.http}/readyz"))
        else:
            first = random.randrange(14000, 19000, 10)
            out = run("./mill", "cluster-dev", "start", self.nodes, self.directory / "works", first,
                      env={**os.environ, "MILLRACE_PROGRAM": str(program.resolve())})
            node = json.loads(out.splitlines()[0])
            self.http, self.client = node["http"], node["client"]
        self.durability = SYNCED if self.nodes == 1 else MAJORITY

    def measure(self, seconds):
        out = run(self.build / "millrace", "bench", "commands", "--http", self.http, "--client", self.client, "--json",
                  "--seconds", seconds, "--actors", 1000, "--plants", 16, "--in-flight", IN_FLIGHT)
        got = json.loads(out.splitlines()[-1])
        if got["refused"] + got["violations"]:
            raise RuntimeError(f"answers failed: {got}")
        return got

    def stop(self):
        if self.nodes > 1:
            run("./mill", "cluster-dev", "stop", self.directory / "works")
        super().stop()


def bare(build, seconds):
    """The limits of the machine: a commit alone, and actors with a group commit and nothing else."""
    with tempfile.TemporaryDirectory(prefix="millrace-peer-", dir="/var/tmp") as directory:
        (pathlib.Path(directory) / "one").mkdir()
        one = json.loads(run(build / "bench/bare_lmdb_commit", f"{directory}/one", 1, seconds))
        (pathlib.Path(directory) / "actors").mkdir()
        actors = json.loads(run(build / "bench/bare_actor_commit", f"{directory}/actors", IN_FLIGHT, seconds))
    return one, actors


def measured(kind, build, nodes, seconds):
    peer = kind(build, nodes)
    try:
        peer.start()
        return {**peer.measure(seconds), "durability": peer.durability}
    finally:
        peer.stop()


def main():
    kinds = {"millrace": Millrace, "etcd": Etcd, "postgres": Postgres, "rabbitmq": RabbitMQ, "nats": Nats}
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--only", action="append", choices=kinds)
    parser.add_argument("--nodes", action="append", type=int, choices=(1, 3))
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    options.build = options.build.resolve()
    one, actors = bare(options.build, 3)
    figures = {"bare commit": one, "bare actors": actors}
    if not options.json:
        print(f"bare LMDB commit p50 {one['p50_us']:,.0f} µs; bare actors with group commit {actors['commands_per_s']:,.0f}/s")
    for nodes in options.nodes or (1, 3):
        own = None
        for name, kind in kinds.items():
            if options.only and name not in options.only:
                continue
            try:
                got = measured(kind, options.build, nodes, options.seconds)
            except (RuntimeError, FileNotFoundError) as failed:
                print(f"{kind.name}, {nodes} nodes: not measured: {failed}", file=sys.stderr)
                continue
            own = got["rate"] if kind is Millrace else own
            figures[f"{name} {nodes}"] = got
            if not options.json:
                ratio = f"  Millrace = {own / got['rate']:.1f} of it" if own and kind is not Millrace else ""
                print(f"{kind.name + ',':<36} {nodes} nodes  {got['rate']:>9,.0f}/s  p50 {got.get('p50_us', 0) / 1e3:6.1f} ms   "
                      f"{got['durability']}{ratio}", flush=True)
    if options.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
