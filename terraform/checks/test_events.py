"""Uploads reach the queue of each function and nothing else does: moto delivers, with the
notifications, rules, patterns, subscriptions and queues as they come out of Terraform.
"""

import json
import re
import unittest
from urllib.parse import unquote_plus

import boto3
import moto

from support import defaults, needs_stand_in, otherwise

REGION = {"region_name": "eu-west-1"}
FUNCTIONS = ("annotate", "thumbnail", "anonymise")


class Aws:
    """A world of its own in moto, with what carries events."""

    def __init__(self, system):
        self.system = system
        self.s3, self.sqs, self.sns, self.events = (
            boto3.client(service, **REGION) for service in ("s3", "sqs", "sns", "events")
        )
        self.bucket = system.one("aws_s3_bucket_notification")["bucket"]
        for bucket in (self.bucket, "another"):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        # Dead letters first, because the others name them.
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
        """The keys of all objects that the queue tells of, in either envelope."""
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
    def test_uploads_reach_each_queue_and_renditions_none(self):
        for router, system in (("eventbridge", defaults()), ("sns", otherwise())):
            with self.subTest(router), moto.mock_aws():
                aws = Aws(system)
                for key in ("uploads/1.jpg", "uploads/2.png", "thumbnails/1.jpg", "anonymised/1.jpg", "uploads.jpg"):
                    aws.put(key)
                for function in FUNCTIONS:
                    self.assertEqual(aws.keys(function), ["uploads/1.jpg", "uploads/2.png"])
                    self.assertEqual(aws.receive(f"{function}-dead"), [])

    def test_other_buckets_are_not_heard(self):
        with moto.mock_aws():
            aws = Aws(defaults())
            aws.s3.put_bucket_notification_configuration(
                Bucket="another", NotificationConfiguration={"EventBridgeConfiguration": {}}
            )
            aws.put("uploads/1.jpg", bucket="another")
            for function in FUNCTIONS:
                self.assertEqual(aws.keys(function), [])

    def test_the_message_that_tests_the_topic_is_not_passed_on(self):
        with moto.mock_aws():
            aws = Aws(otherwise())
            # S3 publishes it when the notification is made, which was done after subscribing.
            aws.notify()
            for function in FUNCTIONS:
                self.assertEqual(aws.receive(function), [])

    def test_a_message_that_fails_five_times_is_kept_with_the_dead_letters(self):
        with moto.mock_aws():
            aws = Aws(defaults())
            aws.put("uploads/1.jpg")
            for attempt in range(5):
                (message,) = aws.receive("annotate")
                # Given back at once, as after a failure.
                aws.sqs.change_message_visibility(
                    QueueUrl=aws.urls["annotate"], ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
                )
            self.assertEqual(aws.receive("annotate"), [])
            (dead,) = aws.receive("annotate-dead")
            self.assertEqual(json.loads(dead["Body"])["detail"]["object"]["key"], "uploads/1.jpg")

    def test_mail_is_readable(self):
        event = {
            "time": "2026-11-21T10:00:00Z",
            "detail": {"object": {"key": "uploads/1.jpg", "size": 12345}},
        }
        transformer = otherwise().one("aws_cloudwatch_event_target", "mail")["input_transformer"][0]
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
                "",
                "Object: uploads/1.jpg",
                "Size:   12345 bytes",
                "Time:   2026-11-21T10:00:00Z",
                "",
                "Gallery: https://photos.example.org/gallery",
            ],
        )


if __name__ == "__main__":
    unittest.main()
