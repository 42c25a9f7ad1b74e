"""What stands between Vitrine and the stand-ins for AWS: one address for S3 and SQS, as
AWS_ENDPOINT_URL has it. It passes requests on with the Host that was signed, answers 503 for S3 when
it is told to, and does what Garage lacks: tell the queues of new originals, as S3 does."""

import http.client
import json
import queue
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler

from processes import ClusterError, Server
from queues import STEPS
from store import BUCKET

SLOW_DOWN = b"<?xml version='1.0'?><Error><Code>SlowDown</Code><Message>Busy</Message></Error>"
OF_ONE_CONNECTION = {"connection", "transfer-encoding", "keep-alive"}


class Gate:
    def __init__(self, store_port, queues):
        self.ports = {"s3": store_port, "sqs": queues.port}
        self.queues = queues
        self.is_down = threading.Event()
        self.refused = 0
        self.news = queue.Queue()
        self.server = Server(handler(self))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def start(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        threading.Thread(target=self.tell, daemon=True).start()

    def tell(self):
        """Sends the event about each new original to all queues."""
        while True:
            key = self.news.get()
            record = {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "s3": {"object": {"key": key}},
            }
            message = json.dumps({"Records": [record]})
            for step in STEPS:
                self.send(step, message)

    def send(self, step, message):
        """S3 forgets no event: it is sent until the queue has it."""
        while True:
            try:
                return self.queues.send(step, message)
            except (ClusterError, OSError, http.client.HTTPException):
                time.sleep(1)


def handler(gate):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One connection of ours for each of theirs and service.
        upstream = None

        def log_message(self, *_):
            pass

        def pass_on(self):
            body = self.body()
            is_sqs = self.headers.get("x-amz-target", "").startswith("AmazonSQS")
            if not is_sqs and gate.is_down.is_set():
                gate.refused += 1
                return self.reply(503, [("content-type", "application/xml")], SLOW_DOWN)
            try:
                status, headers, answer = self.ask("sqs" if is_sqs else "s3", body)
            except (OSError, http.client.HTTPException):
                return self.reply(502, [], b"")
            path = urllib.parse.urlsplit(self.path).path
            if self.command == "PUT" and status == 200 and path.startswith(f"/{BUCKET}/uploads/"):
                gate.news.put(path.removeprefix(f"/{BUCKET}/"))
            return self.reply(status, headers, answer)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = pass_on

        def body(self):
            if self.headers.get("transfer-encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("content-length", 0)))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            while self.rfile.readline().strip():
                pass
            return b"".join(parts)

        def ask(self, service, body):
            connection = http.client.HTTPConnection("127.0.0.1", gate.ports[service], timeout=60)
            # As it came: signatures cover the Host.
            connection.putrequest(
                self.command, self.path, skip_host=True, skip_accept_encoding=True
            )
            for name, value in self.headers.items():
                if name.lower() not in OF_ONE_CONNECTION | {"content-length", "expect"}:
                    connection.putheader(name, value)
            connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            found = answer.status, answer.getheaders(), answer.read()
            connection.close()
            return found

        def reply(self, status, headers, body):
            self.send_response_only(status)
            has_length = False
            for name, value in headers:
                if name.lower() not in OF_ONE_CONNECTION:
                    has_length |= name.lower() == "content-length"
                    self.send_header(name, value)
            if not has_length and status not in (204, 304):
                self.send_header("content-length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler
