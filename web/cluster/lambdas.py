"""The functions as their programs for Lambda: an execution environment with a Runtime API
(https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html), and the event source mapping that
polls a queue, invokes with batches and deletes what did not fail."""

import http.client
import json
import random
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler

from processes import ClusterError, Server
from queues import STEPS

TIMEOUT = 60
ARN = "arn:aws:lambda:eu-central-1:123456789012:function:vitrine"


class Sandbox:
    """One execution environment. Like Lambda's, it has one invocation at a time."""

    def __init__(self, processes, step, program, environment):
        self.processes = processes
        self.step = step
        self.program = program
        self.server = Server(runtime(self))
        host, port = self.server.server_address
        self.environment = environment | {
            "AWS_LAMBDA_RUNTIME_API": f"{host}:{port}",
            "AWS_LAMBDA_FUNCTION_NAME": f"vitrine-{step}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": "vitrine",
            "AWS_LAMBDA_LOG_STREAM_NAME": "vitrine",
        }
        self.process = None
        self.changed = threading.Condition()
        self.invocation = None
        self.answers = {}
        self.starts = 0
        self.is_busy = False
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def invoke(self, event):
        """The answer. None if the program failed, was killed or took too long."""
        if self.process is None or not self.process.is_alive():
            self.start()
        number = str(uuid.uuid4())
        deadline = time.time() + TIMEOUT
        with self.changed:
            self.invocation = number, event, deadline
            self.is_busy = True
            self.changed.notify_all()
            while number not in self.answers and time.time() < deadline:
                self.changed.wait(0.05)
                if not self.process.is_alive():
                    break
            self.invocation = None
            self.is_busy = False
            answer = self.answers.pop(number, None)
        if answer is None and self.process.is_alive():
            self.process.kill()
        return answer

    def start(self):
        with self.changed:
            self.starts += 1
            self.changed.notify_all()
        self.process = self.processes.start(self.step, [self.program], self.environment)

    def take(self):
        """Waits for the next invocation, on behalf of the program. None if that has been replaced."""
        with self.changed:
            mine = self.starts
            while self.invocation is None and self.starts == mine:
                self.changed.wait()
            if self.starts != mine:
                return None
            taken, self.invocation = self.invocation, None
            return taken

    def end(self, number, answer):
        with self.changed:
            self.answers[number] = answer
            self.changed.notify_all()

    def kill_busy(self):
        """Kills the program in the middle of an invocation. False if there is none."""
        if not self.is_busy or self.process is None or not self.process.is_alive():
            return False
        self.process.kill()
        return True


def runtime(sandbox):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            if self.path.startswith("/2020-01-01/"):
                # An extension that waits for its end, which comes without a word.
                threading.Event().wait()
            taken = sandbox.take()
            if taken is None:
                self.close_connection = True
                return
            number, event, deadline = taken
            headers = {
                "lambda-runtime-aws-request-id": number,
                "lambda-runtime-deadline-ms": str(int(deadline * 1000)),
                "lambda-runtime-invoked-function-arn": ARN,
            }
            try:
                self.reply(200, headers, event)
            except OSError:
                pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            parts = self.path.split("/")
            if self.path.startswith("/2020-01-01/"):
                headers = {"lambda-extension-identifier": str(uuid.uuid4())}
                function = {"functionName": "vitrine", "functionVersion": "$LATEST"}
                return self.reply(200, headers, function | {"handler": "bootstrap"})
            if parts[-1] == "response":
                sandbox.end(parts[-2], json.loads(body or b"null") or {})
            elif parts[-1] == "error":
                # The whole batch comes back.
                sandbox.end(parts[-2], None)
            return self.reply(202, {}, {})

        def reply(self, status, headers, document):
            body = json.dumps(document).encode()
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    return Handler


def record(message):
    """A message of SQS as an event source mapping hands it over."""
    own = {
        name: {
            "stringValue": value.get("StringValue"), "dataType": value.get("DataType"),
            "stringListValues": [], "binaryListValues": [],
        }
        for name, value in message.get("MessageAttributes", {}).items()
    }
    return {
        "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"], "attributes": message.get("Attributes", {}),
        "messageAttributes": own, "md5OfBody": message.get("MD5OfBody"),
        "eventSource": "aws:sqs", "awsRegion": "eu-central-1",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:123456789012:vitrine",
    }


class Mapping(threading.Thread):
    """Polls one queue. It can be told to deliver twice and out of order, which SQS allows itself."""

    def __init__(self, queues, sandbox):
        super().__init__(daemon=True, name=f"mapping of {sandbox.step}")
        self.queues = queues
        self.sandbox = sandbox
        self.is_unruly = threading.Event()
        self.ends = threading.Event()
        self.random = random.Random(sandbox.step)
        self.late = []
        self.repeated = 0

    def run(self):
        while not self.ends.is_set():
            try:
                if not self.turn():
                    time.sleep(0.1)
            except (ClusterError, OSError, http.client.HTTPException):
                time.sleep(0.5)

    def turn(self):
        """One invocation. False if there was nothing to do."""
        messages = self.queues.receive(self.sandbox.step)
        batch = messages + self.repetitions(messages)
        if not batch:
            return False
        answer = self.sandbox.invoke({"Records": [record(message) for message in batch]})
        if answer is None:
            return True
        failed = {item["itemIdentifier"] for item in answer.get("batchItemFailures", [])}
        for message in messages:
            if message["MessageId"] not in failed:
                self.queues.delete(self.sandbox.step, message)
        return True

    def repetitions(self, messages):
        """Messages of earlier batches, which were done and deleted, and come again."""
        again, self.late = self.late, []
        if not self.is_unruly.is_set():
            return again
        self.random.shuffle(messages)
        self.late = list(messages)
        self.repeated += len(again)
        self.random.shuffle(again)
        return again


class Functions:
    def __init__(self, processes, queues, programs, environment):
        self.mappings = [
            Mapping(queues, Sandbox(processes, step, programs / step, environment))
            for step in STEPS
        ]

    def start(self):
        for mapping in self.mappings:
            mapping.start()

    def stop(self):
        for mapping in self.mappings:
            mapping.ends.set()

    def set_unruly(self, is_unruly):
        for mapping in self.mappings:
            (mapping.is_unruly.set if is_unruly else mapping.is_unruly.clear)()

    def repeated(self):
        return sum(mapping.repeated for mapping in self.mappings)

    def kill_one(self, turn):
        """Kills the first busy program, beginning with that of this turn."""
        count = len(self.mappings)
        order = [self.mappings[(turn + offset) % count] for offset in range(count)]
        return any(mapping.sandbox.kill_busy() for mapping in order)
