"""The ERP's side of the crash test: takes webhooks, honours their id as a key, and keeps what it did in order."""

import http.server
import json
import threading


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.effects = {}  # webhook id -> (key, report ids, body)
        self.doubled = []
        self.seen_reports = {}  # report -> webhook id, in order of their effects
        self.servers = []
        self.away = False  # it answers 503 to everything

    def start(self, port=0):
        """May be called again for another port or network namespace: all of them write one ledger."""
        ledger = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                document = None if ledger.away else ledger.take(self.headers.get("webhook-id"), body)
                answer = json.dumps({"document": document}).encode()
                self.send_response(503 if document is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None  # a killed node resets its connections
        self.servers.append(server)
        self.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def take(self, webhook_id, body):
        with self.lock:
            if webhook_id in self.effects:  # at least once: the same id again is no new effect
                if self.effects[webhook_id] != body:
                    self.doubled.append(f"{webhook_id} came with two different bodies")
                return f"DOC-{webhook_id}"
            self.effects[webhook_id] = body
            for report in reports_in(json.loads(body)):
                if report in self.seen_reports:
                    self.doubled.append(f"report {report} under {self.seen_reports[report]} and {webhook_id}")
                self.seen_reports[report] = webhook_id
            return f"DOC-{webhook_id}"

    def reports(self):
        with self.lock:
            return set(self.seen_reports)

    def violations(self):
        with self.lock:
            return list(self.doubled)

    def stop(self):
        for server in self.servers:
            server.shutdown()


def reports_in(value):
    """The senders' report ids anywhere in the message: fields `report` and `confirmation`."""
    found = set()
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in ("report", "confirmation") and isinstance(inner, str):
                found.add(inner)
            found |= reports_in(inner)
    elif isinstance(value, list):
        for inner in value:
            found |= reports_in(inner)
    return found
