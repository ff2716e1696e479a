"""Real nodes, each in a network namespace of its own behind one bridge. The whole runs in namespaces of this process
(`./mill chaos` unshares network, mounts and process ids), so nothing outlives it, whatever ends it."""

import ctypes
import os
import pathlib
import re
import shutil
import signal
import subprocess
import threading
import time

from client import Client, Refused

HTTP_BASE = 8480
ERP_PORT = 9000
READY_S = 120
CLONE_NEWNET = 0x40000000
EXIT_IO_ERROR = 70  # the engine ends itself after an I/O error
libc = ctypes.CDLL(None, use_errno=True)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Refused(f"{' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


class Node:
    """A number, an address, a directory, a process."""

    def __init__(self, number, program, directory):
        self.number, self.program = number, program
        self.directory = directory / f"node-{number}"
        self.http = f"127.0.0.1:{HTTP_BASE + number - 1}"
        self.ip = f"10.99.0.{number}"
        self.process = None
        self.expected_to_die = False
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], start_new_session=True)
        self.namespace = f"/proc/{self.holder.pid}/ns/net"
        own = os.readlink("/proc/self/ns/net")
        while os.readlink(self.namespace) == own:
            time.sleep(0.01)

    def inside(self, *command):
        return run("nsenter", f"--net={self.namespace}", *command)

    def enter(self):
        """From now on sockets of this thread are made in the node's namespace."""
        with open(self.namespace, encoding="ascii") as handle:
            if libc.setns(handle.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")

    def plug_in(self):
        peer = f"v{self.number}"
        run("ip", "link", "add", peer, "type", "veth", "peer", "name", "eth0", "netns", str(self.holder.pid))
        run("ip", "link", "set", peer, "master", "br0", "up")
        self.inside("ip", "link", "set", "lo", "up")
        self.inside("ip", "addr", "add", f"{self.ip}/24", "dev", "eth0")
        self.inside("ip", "link", "set", "eth0", "up")
        self.inside("nft", "add table inet chaos; add chain inet chaos in { type filter hook input priority 0; }")

    def start(self, environment=None):
        self.expected_to_die = False
        command = ["nsenter", f"--net={self.namespace}", self.program, "node", "--dev", "--config",
                   str(self.directory / "node.toml"), "--endpoint", f"erp=http://127.0.0.1:{ERP_PORT}"]
        with open(self.directory / "node.log", "ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(environment or {})},
                                            start_new_session=True)  # Ctrl-C is not for it

    def running(self):
        return self.process is not None and self.process.poll() is None

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def kill(self):
        self.expected_to_die = True
        self.signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def ready(self):
        try:
            return self.ask("/readyz")[0] == 200
        except OSError:
            return False

    def ask(self, path, timeout=10):
        """A request from a thread that is in the node's namespace for it."""
        answer = []

        def work():
            self.enter()
            try:
                answer.append(Client(self.http, timeout).call("GET", path, "dev-ops"))
            except OSError as failure:
                answer.append(failure)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        if isinstance(answer[0], OSError):
            raise answer[0]
        return answer[0]

    def log_tail(self, lines=15):
        text = (self.directory / "node.log").read_text(errors="replace").splitlines()
        return "\n".join(text[-lines:])

    # ---- the network as this node sees it ----
    def drop_from(self, others, percent=100):
        for other in others:
            some = [] if percent == 100 else ["numgen", "random", "mod", "100", "<", str(percent)]
            self.inside("nft", "add", "rule", "inet", "chaos", "in", "ip", "saddr", other.ip, *some, "drop")

    def slow(self, rate):
        self.inside("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", "rate", rate, "burst", "8kb", "latency", "200ms")

    def heal_network(self):
        self.inside("nft", "flush", "chain", "inet", "chaos", "in")
        subprocess.run(["nsenter", f"--net={self.namespace}", "tc", "qdisc", "del", "dev", "eth0", "root"],
                       capture_output=True, check=False)


class Cluster:
    def __init__(self, program, directory, count, small_disk_mb):
        self.program, self.directory = program, pathlib.Path(directory)
        self.preload = self.directory / "faulty.so"
        run("cc", "-shared", "-fPIC", "-O2", "-o", str(self.preload), str(pathlib.Path(__file__).with_name("faulty.c")), "-ldl")
        run(program, "cluster", "dev-config", str(count), str(directory), str(HTTP_BASE))
        run("ip", "link", "set", "lo", "up")
        run("ip", "link", "add", "br0", "type", "bridge")
        run("ip", "link", "set", "br0", "up")
        self.nodes = [Node(n, program, self.directory) for n in range(1, count + 1)]
        for node in self.nodes:
            node.plug_in()
            self.place(node.directory / "node.toml")
        self.small = self.nodes[-1]  # its data are on a small disk of their own
        self.small_mb = small_disk_mb
        (self.small.directory / "data").mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={small_disk_mb}m,mode=700", "tmpfs", str(self.small.directory / "data"))

    @staticmethod
    def place(config):
        """Between the nodes: the address of the node whose port it is, in place of loopback."""
        text = config.read_text()
        for offset in (200, 300):
            text = re.sub(rf"tcp://127\.0\.0\.1:({HTTP_BASE + offset}|{HTTP_BASE + offset + 1}|{HTTP_BASE + offset + 2}|"
                          rf"{HTTP_BASE + offset + 3}|{HTTP_BASE + offset + 4})",
                          lambda m, o=offset: f"tcp://10.99.0.{int(m.group(1)) - HTTP_BASE - o + 1}:{m.group(1)}", text)
        config.write_text(text)

    def start(self):
        for node in self.nodes:
            node.start()
        self.wait_ready()

    def wait_ready(self):
        deadline = time.monotonic() + READY_S
        for node in self.nodes:
            while not node.ready():
                if not node.running():
                    raise Refused(f"node {node.number} ended with {node.process.returncode}:\n{node.log_tail()}")
                if time.monotonic() > deadline:
                    raise Refused(f"node {node.number} is not ready after {READY_S} s:\n{node.log_tail()}")
                time.sleep(0.05)

    def view(self):
        """What the first node that answers says of the cluster."""
        for node in self.nodes:
            if not node.running():
                continue
            try:
                status, body, _ = node.ask("/v1/cluster")
            except OSError:
                continue
            if status == 200:
                return body
        return {"plants": [], "nodes": []}

    def plant(self, name):
        return next((p for p in self.view()["plants"] if p["plant"] == name), {})

    def leader(self, plant):
        """The node that leads the plant, waiting for one."""
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if found := self.plant(plant).get("leader"):
                return self.nodes[found - 1]
            time.sleep(0.05)
        raise Refused(f"nobody leads {plant} after {READY_S} s")

    def at_rest(self, plant):
        """All replicas have applied the same with the same chain head; the heads for the report."""
        replicas = self.plant(plant).get("replicas", [])
        return len(replicas) == len(self.nodes) and len({(r.get("applied"), r.get("chain_head")) for r in replicas}) == 1

    def dead(self):
        """Processes that ended although nobody wanted it."""
        return [n for n in self.nodes if n.process and not n.running() and not n.expected_to_die]

    def stop(self):
        """SIGTERM to all; what did not end well."""
        wrong = []
        for node in self.nodes:
            node.signal(signal.SIGTERM)
        for node in self.nodes:
            try:
                if node.process and node.process.wait(timeout=60) != 0:
                    wrong.append(f"node {node.number} ended with {node.process.returncode} on SIGTERM:\n{node.log_tail()}")
            except subprocess.TimeoutExpired:
                wrong.append(f"node {node.number} does not end on SIGTERM:\n{node.log_tail()}")
                node.kill()
        return wrong

    def verify(self):
        """`millrace journal verify` of every node: what is damaged, and the last lines for the report."""
        wrong, lines = [], []
        for node in self.nodes:
            done = subprocess.run([self.program, "journal", "verify", "--data", str(node.directory / "data")],
                                  capture_output=True, text=True, check=False)
            lines += [f"node {node.number}: {line}" for line in done.stdout.splitlines()]
            if done.returncode != 0:
                wrong.append(f"node {node.number}: journal verify: {done.stdout}{done.stderr}")
        return wrong, lines

    def end(self):
        for node in self.nodes:
            if node.process:
                node.signal(signal.SIGCONT)
                node.kill()
            node.holder.kill()
            node.holder.wait()
        subprocess.run(["umount", str(self.small.directory / "data")], capture_output=True, check=False)

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def resize_small_disk(self, size):
        run("mount", "-o", f"remount,size={size}", str(self.small.directory / "data"))

    def shrink_small_disk(self, free):
        """To what is on it and `free` bytes; again when the node was faster."""
        for _ in range(20):
            stat = os.statvfs(self.small.directory / "data")
            try:
                return self.resize_small_disk((stat.f_blocks - stat.f_bfree) * stat.f_frsize + free)
            except Refused as failure:
                refused = failure
        raise refused
