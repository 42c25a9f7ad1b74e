"""SQS: moto, with a queue and a dead-letter queue for each function."""

import http.client
import json
import subprocess
from pathlib import Path

from processes import ClusterError, own_environment

STEPS = ("thumbnail", "anonymise", "annotate")
ACCOUNT = "123456789012"
MAX_RECEIVES = 5
# On AWS it is six times the timeout of the function. Here a killed function's batch is back sooner.
VISIBILITY = 15
SCRIPT = Path(__file__).resolve().parents[2] / "platform/src/testing/moto.py"
# Of the form that AWS clients send; moto does not check it.
SIGNATURE = (
    "AWS4-HMAC-SHA256 Credential=cluster/20260101/eu-central-1/sqs/aws4_request, "
    "SignedHeaders=host, Signature=none"
)


class Queues:
    def __init__(self, folder, python):
        self.log = folder / "moto.log"
        self.python = python
        self.port = None
        self.popen = None

    def start(self):
        with self.log.open("wb") as log:
            # It ends with its standard input, and so with this program.
            self.popen = subprocess.Popen(
                [self.python, "-I", "-c", SCRIPT.read_text()],
                env=own_environment(),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd="/",
                start_new_session=True,
            )
        line = self.popen.stdout.readline()
        if not line:
            raise ClusterError(f"moto does not start:\n{self.log.read_text()}")
        self.port = int(line)
        for step in STEPS:
            self.create(step)

    def stop(self):
        if self.popen:
            self.popen.kill()
            self.popen.wait()

    def create(self, step):
        self.call("CreateQueue", QueueName=f"vitrine-{step}-dead")
        arn = f"arn:aws:sqs:eu-central-1:{ACCOUNT}:vitrine-{step}-dead"
        redrive = {"deadLetterTargetArn": arn, "maxReceiveCount": MAX_RECEIVES}
        attributes = {
            "VisibilityTimeout": str(VISIBILITY),
            "RedrivePolicy": json.dumps(redrive),
        }
        self.call("CreateQueue", QueueName=f"vitrine-{step}", Attributes=attributes)

    def url(self, name):
        return f"http://127.0.0.1:{self.port}/{ACCOUNT}/vitrine-{name}"

    def call(self, action, **parameters):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"AmazonSQS.{action}",
            "authorization": SIGNATURE,
        }
        connection.request("POST", "/", json.dumps(parameters), headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise ClusterError(f"SQS {action}: {answer.status} {body[:200]!r}")
        return json.loads(body or b"{}")

    def send(self, step, body):
        self.call("SendMessage", QueueUrl=self.url(step), MessageBody=body)

    def receive(self, step):
        found = self.call(
            "ReceiveMessage", QueueUrl=self.url(step), MaxNumberOfMessages=10,
            WaitTimeSeconds=0, AttributeNames=["All"], MessageAttributeNames=["All"],
        )
        return found.get("Messages", [])

    def delete(self, step, message):
        self.call(
            "DeleteMessage", QueueUrl=self.url(step), ReceiptHandle=message["ReceiptHandle"]
        )

    def waiting(self, name):
        """Messages of a queue that are visible."""
        wanted = "ApproximateNumberOfMessages"
        found = self.call("GetQueueAttributes", QueueUrl=self.url(name), AttributeNames=[wanted])
        return int(found["Attributes"][wanted])

    def dead_letters(self):
        return sum(self.waiting(f"{step}-dead") for step in STEPS)
