"""Uploads, and no other objects, reach the queue of each function. moto delivers the events through
the notifications, rules, subscriptions and queues that Terraform configures.
"""

import json
import re
import unittest
from urllib.parse import unquote_plus

import boto3
import moto

from support import FUNCTIONS, alternatives, defaults, needs_stand_in

REGION = {"region_name": "eu-west-1"}


class Routing:
    """The configured bucket, queues and event routing, created in moto."""

    def __init__(self, system):
        self.system = system
        self.s3, self.sqs, self.sns, self.events = (
            boto3.client(service, **REGION) for service in ("s3", "sqs", "sns", "events")
        )
        self.bucket = system.one("aws_s3_bucket_notification")["bucket"]
        for bucket in (self.bucket, "another"):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        # The dead-letter queues first, because the redrive policies refer to them.
        self.urls = {}
        for which in ("dead", "this"):
            for queue in system.all("aws_sqs_queue", which).values():
                attributes = {
                    "VisibilityTimeout": str(queue["visibility_timeout_seconds"]),
                    "MessageRetentionPeriod": str(queue["message_retention_seconds"]),
                }
                if queue["redrive_policy"]:
                    attributes["RedrivePolicy"] = queue["redrive_policy"]
                url = self.sqs.create_queue(QueueName=queue["name"], Attributes=attributes)["QueueUrl"]
                self.urls[queue["name"].removeprefix("vitrine-")] = url
        for topic in system.all("aws_sns_topic").values():
            self.sns.create_topic(Name=topic["name"])
        for subscription in system.all("aws_sns_topic_subscription", "queue").values():
            self.sns.subscribe(
                TopicArn=subscription["topic_arn"],
                Protocol=subscription["protocol"],
                Endpoint=subscription["endpoint"],
                Attributes={
                    "RawMessageDelivery": str(subscription["raw_message_delivery"]).lower(),
                    "FilterPolicyScope": subscription["filter_policy_scope"],
                    "FilterPolicy": subscription["filter_policy"],
                },
            )
        for rule in system.all("aws_cloudwatch_event_rule", "uploads").values():
            self.events.put_rule(Name=rule["name"], EventPattern=rule["event_pattern"])
        for target in system.all("aws_cloudwatch_event_target", "queue").values():
            self.events.put_targets(Rule=target["rule"], Targets=[{"Id": target["target_id"], "Arn": target["arn"]}])
        self.notify()

    def notify(self):
        notification = self.system.one("aws_s3_bucket_notification")
        configuration = {}
        if notification["eventbridge"]:
            configuration["EventBridgeConfiguration"] = {}
        for topic in notification["topic"]:
            rules = [{"Name": "prefix", "Value": topic["filter_prefix"]}]
            configuration.setdefault("TopicConfigurations", []).append(
                {"TopicArn": topic["topic_arn"], "Events": topic["events"], "Filter": {"Key": {"FilterRules": rules}}}
            )
        self.s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration=configuration)

    def put(self, key, bucket=None):
        self.s3.put_object(Bucket=bucket or self.bucket, Key=key, Body=b"a picture")

    def receive(self, queue):
        answer = self.sqs.receive_message(QueueUrl=self.urls[queue], MaxNumberOfMessages=10, WaitTimeSeconds=0)
        return answer.get("Messages", [])

    def keys(self, queue):
        """The keys of all objects that the queue has messages about, in either envelope."""
        found = []
        for message in self.receive(queue):
            body = json.loads(message["Body"])
            if "detail" in body:
                found.append(body["detail"]["object"]["key"])
            else:
                found += [unquote_plus(record["s3"]["object"]["key"]) for record in body["Records"]]
        return sorted(found)


@needs_stand_in
class Events(unittest.TestCase):
    def test_uploads_reach_each_queue_and_renditions_do_not(self):
        for router, system in (("eventbridge", defaults()), ("sns", alternatives())):
            with self.subTest(router), moto.mock_aws():
                routing = Routing(system)
                for key in ("uploads/1.jpg", "uploads/2.png", "thumbnails/1.jpg", "anonymised/1.jpg", "uploads.jpg"):
                    routing.put(key)
                for function in FUNCTIONS:
                    self.assertEqual(routing.keys(function), ["uploads/1.jpg", "uploads/2.png"])
                    self.assertEqual(routing.receive(f"{function}-dead"), [])

    def test_events_of_other_buckets_are_ignored(self):
        with moto.mock_aws():
            routing = Routing(defaults())
            routing.s3.put_bucket_notification_configuration(
                Bucket="another", NotificationConfiguration={"EventBridgeConfiguration": {}}
            )
            routing.put("uploads/1.jpg", bucket="another")
            for function in FUNCTIONS:
                self.assertEqual(routing.keys(function), [])

    def test_the_s3_test_event_is_not_delivered(self):
        with moto.mock_aws():
            routing = Routing(alternatives())
            # S3 publishes it when the notification is configured, here after subscribing.
            routing.notify()
            for function in FUNCTIONS:
                self.assertEqual(routing.receive(function), [])

    def test_a_message_goes_to_the_dead_letter_queue_after_five_receives(self):
        with moto.mock_aws():
            routing = Routing(defaults())
            routing.put("uploads/1.jpg")
            for attempt in range(5):
                (message,) = routing.receive("annotate")
                # Visible again at once, as after a failure.
                routing.sqs.change_message_visibility(
                    QueueUrl=routing.urls["annotate"], ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
            self.assertEqual(routing.receive("annotate"), [])
            (dead,) = routing.receive("annotate-dead")
            self.assertEqual(json.loads(dead["Body"])["detail"]["object"]["key"], "uploads/1.jpg")

    def test_the_notification_mail_is_plain_text(self):
        event = {
            "time": "2026-11-21T10:00:00Z",
            "detail": {"object": {"key": "uploads/1.jpg", "size": 12345}},
        }
        transformer = alternatives().one("aws_cloudwatch_event_target", "mail")["input_transformer"][0]
        values = {}
        for name, path in transformer["input_paths"].items():
            value = event
            for part in path.removeprefix("$.").split("."):
                value = value[part]
            values[name] = str(value)
        lines = [
            json.loads(re.sub(r"<(\w+)>", lambda match: values[match[1]], line))
            for line in transformer["input_template"].splitlines()
        ]
        self.assertEqual(
            lines,
            [
                "A picture was uploaded to vitrine.",
                "Object: uploads/1.jpg",
                "Size:   12345 bytes",
                "Time:   2026-11-21T10:00:00Z",
                "Gallery: https://photos.example.org/gallery",
            ],
        )


if __name__ == "__main__":
    unittest.main()
