"""A small blocking client of the HTTP API and the process of a node, for the crash tests."""

import http.client
import json
import random
import signal
import socket
import subprocess
import time


class Refused(Exception):
    """An expectation of the test did not hold."""


PORTS = range(20_000, 32_768)  # below those that outgoing connections take, which could sit on a node's port while it restarts
claims = []  # sockets whose names keep a port this process's own


def free_port():
    """A port on loopback that nobody listens on, and that is this process's until it ends; as cluster/local_port.hpp."""
    start = random.randrange(len(PORTS))
    for port in (PORTS[(start + n) % len(PORTS)] for n in range(len(PORTS))):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0millrace-port-{port}")
        except OSError:
            claim.close()
            continue
        claims.append(claim)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise OSError("no free port between 20000 and 32767")


class Client:
    """One keep-alive connection."""

    def __init__(self, address, timeout=20):
        self.connection = http.client.HTTPConnection(address, timeout=timeout)

    def call(self, method, path, token, body=None, headers=None):
        sent = {"Authorization": f"Bearer {token}", **(headers or {})}
        data = None
        if body is not None:
            data = json.dumps(body)
            sent["Content-Type"] = "application/json"
        try:
            self.connection.request(method, path, data, sent)
            response = self.connection.getresponse()
            text = response.read()
        except (http.client.HTTPException, OSError) as failure:
            self.connection.close()
            raise OSError(str(failure)) from failure
        return response.status, json.loads(text) if text else {}, response.headers

    def command(self, plant, request, key):
        path = f"/v1/plants/{plant}/{request['collection']}/{request['id']}/{request['command']}"
        return self.call("POST", path, request["token"], request["body"], {"Idempotency-Key": key})

    def expect(self, status, method, path, token, body=None):
        got, answer, _ = self.call(method, path, token, body)
        if got != status:
            raise Refused(f"{method} {path}: {got} instead of {status}: {answer}")
        return answer

    def get(self, path, token):
        return self.expect(200, "GET", path, token)

    def wait_for(self, condition, what, timeout=30):
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if condition():
                return
            time.sleep(0.02)
        raise Refused(f"not in {timeout} s: {what}")


class Node:
    """A node process on a fixed port and data directory, started and killed at will."""

    def __init__(self, program, data, port, endpoints):
        self.command = [program, "node", "--dev", "--data", str(data), "--http", f"127.0.0.1:{port}"]
        for system, url in endpoints.items():
            self.command += ["--endpoint", f"{system}={url}"]
        self.http = f"127.0.0.1:{port}"
        self.process = None

    def start(self, timeout=30):
        self.process = subprocess.Popen(self.command, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise Refused(f"the node ended with {self.process.returncode} at its start")
            try:
                status, _, _ = Client(self.http).call("GET", "/readyz", "dev-ops")
                if status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.01)
        raise Refused("the node is not ready")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=30) != 0:
            raise Refused(f"the node ended with {self.process.returncode} on SIGTERM")
