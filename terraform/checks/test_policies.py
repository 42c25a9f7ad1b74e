"""The policies of roles, queues, topics, the key and buckets, as Terraform configures them, evaluated
by `support.Policy`.
"""

import re
import unittest

from support import FUNCTIONS, REPOSITORY, Policy, alternatives, as_list, defaults, needs_stand_in

ACCOUNT = "123456789012"
OTHER_ACCOUNT = "999999999999"
SQS = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:vitrine-"
PICTURES = f"arn:aws:s3:::vitrine-pictures-{ACCOUNT}-eu-west-1"
LOGS = f"arn:aws:s3:::vitrine-logs-{ACCOUNT}-eu-west-1"
# The folders of the bucket, read from the code, so that a new one cannot be forgotten in the policies.
AREAS = dict(re.findall(r'Self::(\w+) => "(\w+)",', (REPOSITORY / "platform/src/objects/key.rs").read_text()))
# Those of which permanent deletion removes all versions: the renditions that the code names, and originals.
PURGED = {"Uploads"} | set(re.findall(r"Area::(\w+)", (REPOSITORY / "platform/src/objects/s3/versions.rs").read_text()))
# The functions that store renditions, and their prefixes.
WRITE_PREFIXES = {"thumbnail": {"thumbnails"}, "anonymise": {"anonymised"}}


def secret(system, name):
    return next(
        secret["arn"]
        for secret in system.all("aws_secretsmanager_secret").values()
        if secret["name"].startswith(f"vitrine/{name}-")
    )


def database_secret(system):
    return system.one("aws_secretsmanager_secret_rotation")["secret_id"]


@needs_stand_in
class Roles(unittest.TestCase):
    def test_functions_have_exactly_the_permissions_they_need(self):
        system = defaults()
        for function in FUNCTIONS:
            policy = system.policies()[f"vitrine-{function}"]
            with self.subTest(function):
                for action in ("ReceiveMessage", "DeleteMessage", "ChangeMessageVisibility", "GetQueueAttributes", "SendMessage"):
                    self.assertTrue(policy.allows(f"sqs:{action}", SQS + function), action)
                    for other in FUNCTIONS:
                        self.assertFalse(policy.allows(f"sqs:{action}", f"{SQS}{other}-dead"))
                        if other != function:
                            self.assertFalse(policy.allows(f"sqs:{action}", SQS + other))
                self.assertFalse(policy.allows("sqs:PurgeQueue", SQS + function))

                for area, prefix in AREAS.items():
                    picture = f"{PICTURES}/{prefix}/a.jpg"
                    self.assertEqual(policy.allows("s3:GetObject", picture), area == "Uploads")
                    self.assertEqual(policy.allows("s3:PutObject", picture), prefix in WRITE_PREFIXES.get(function, set()))
                    self.assertEqual(policy.allows("s3:DeleteObject", picture), area in ("Thumbnails", "Anonymised"))
                self.assertFalse(policy.allows("s3:GetObject", f"{LOGS}/uploads/a.jpg"))

                self.assertTrue(policy.allows("secretsmanager:GetSecretValue", database_secret(system)))
                self.assertEqual(
                    policy.allows("secretsmanager:GetSecretValue", secret(system, "gemini-api-key")), function == "annotate"
                )
                self.assertFalse(policy.allows("secretsmanager:GetSecretValue", secret(system, "admin-password")))

                group = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/lambda/vitrine-"
                self.assertTrue(policy.allows("logs:PutLogEvents", f"{group}{function}:log-stream:1"))
                for other in FUNCTIONS:
                    if other != function:
                        self.assertFalse(policy.allows("logs:PutLogEvents", f"{group}{other}:log-stream:1"))

    def test_lambda_may_manage_network_interfaces_and_function_code_may_not(self):
        for function in FUNCTIONS:
            policy = defaults().policies()[f"vitrine-{function}"]
            arn = f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:vitrine-{function}"
            for action in ("CreateNetworkInterface", "DeleteNetworkInterface", "DescribeNetworkInterfaces", "DescribeSubnets"):
                self.assertTrue(policy.allows(f"ec2:{action}", "*"))
                self.assertFalse(policy.allows(f"ec2:{action}", "*", source_function=arn))

    def test_web_instances_have_exactly_the_permissions_they_need(self):
        system = defaults()
        policy = system.policies()["vitrine-web"]
        # "The credentials used by the presigned URL are those of the AWS Identity and Access Management
        # (IAM) principal who generated the URL." Download and upload objects with presigned URLs,
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
        self.assertIn("pending", AREAS.values())
        for prefix in AREAS.values():
            for action in ("GetObject", "PutObject", "DeleteObject"):
                self.assertTrue(policy.allows(f"s3:{action}", f"{PICTURES}/{prefix}/a.jpg"), f"{action} {prefix}")
        self.assertFalse(policy.allows("s3:GetObject", f"{PICTURES}/elsewhere/a.jpg"))
        # s3:DeleteObjectVersion: "Grants permission to remove a specific version of an object".
        # s3:ListBucketVersions: "Grants permission to list metadata about all the versions of objects in an
        # Amazon S3 bucket", with the condition key s3:prefix. Actions, resources, and condition keys for Amazon
        # S3, https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
        for area, prefix in AREAS.items():
            for name in (f"{prefix}/a.jpg", f"{prefix}/a"):
                self.assertEqual(policy.allows("s3:DeleteObjectVersion", f"{PICTURES}/{name}"), area in PURGED, name)
                self.assertEqual(policy.allows("s3:ListBucketVersions", PICTURES, prefix=name), area in PURGED, name)
        self.assertFalse(policy.allows("s3:ListBucketVersions", PICTURES))
        self.assertFalse(policy.allows("s3:ListBucketVersions", LOGS, prefix="uploads/a"))
        self.assertTrue(policy.allows("s3:ListBucket", PICTURES))
        self.assertFalse(policy.allows("s3:ListBucket", LOGS))

        for function in FUNCTIONS:
            self.assertTrue(policy.allows("sqs:SendMessage", SQS + function))
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes"):
                self.assertFalse(policy.allows(f"sqs:{action}", SQS + function))

        self.assertTrue(policy.allows("secretsmanager:GetSecretValue", database_secret(system)))
        self.assertTrue(policy.allows("secretsmanager:GetSecretValue", secret(system, "admin-password")))
        self.assertTrue(policy.allows("secretsmanager:GetSecretValue", secret(system, "gemini-api-key")))
        self.assertFalse(policy.allows("secretsmanager:PutSecretValue", secret(system, "admin-password")))

        registry = f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/"
        self.assertTrue(policy.allows("ecr:BatchGetImage", f"{registry}vitrine"))
        self.assertFalse(policy.allows("ecr:BatchGetImage", f"{registry}other"))
        self.assertFalse(policy.allows("ecr:PutImage", f"{registry}vitrine"))

        group = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:"
        for name in ("web", "collector", "metrics"):
            self.assertTrue(policy.allows("logs:PutLogEvents", f"{group}/vitrine/{name}:log-stream:{ACCOUNT}"))
        self.assertFalse(policy.allows("logs:PutLogEvents", f"{group}/aws/lambda/vitrine-annotate:log-stream:1"))

        # "limits the user to publishing metrics only in the namespace": "Condition": { "StringEquals": {
        # "cloudwatch:namespace": "MyCustomNamespace" } }. Using condition keys to limit access to CloudWatch
        # namespaces, https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/iam-cw-condition-keys-namespace.html
        self.assertTrue(policy.allows("cloudwatch:PutMetricData", "*", namespace="Vitrine/vitrine"))
        for namespace in ("Vitrine/other", "AWS/EC2", None):
            self.assertFalse(policy.allows("cloudwatch:PutMetricData", "*", namespace=namespace))

        self.assertFalse(policy.allows("ssm:GetParameter", f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/a"))
        self.assertFalse(policy.allows("ssmmessages:OpenDataChannel", "*"))
        self.assertTrue(alternatives().policies()["vitrine-web"].allows("ssmmessages:OpenDataChannel", "*"))

    def test_flow_logs_have_the_documented_permissions(self):
        # "The IAM policy that's attached to your IAM role must include at least the following permissions":
        # these and CreateLogGroup, which would create the group again without its retention after it is
        # deleted. IAM role for publishing flow logs to CloudWatch Logs,
        # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
        policy = defaults().policies()["vitrine-flow-logs"]
        group = f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:"
        for action in ("CreateLogStream", "PutLogEvents", "DescribeLogGroups", "DescribeLogStreams"):
            self.assertTrue(policy.allows(f"logs:{action}", f"{group}/vitrine/network/flow:log-stream:eni-1-all"), action)
        self.assertFalse(policy.allows("logs:PutLogEvents", f"{group}other:log-stream:1"))

    def test_each_role_trusts_only_its_service(self):
        for system in (defaults(), alternatives()):
            found = {}
            for role in system.all("aws_iam_role").values():
                policy = Policy(role["assume_role_policy"])
                found[role["name"]] = {
                    service
                    for service in ("ec2", "lambda", "monitoring.rds", "vpc-flow-logs", "events")
                    if policy.allows("sts:AssumeRole", "*", f"{service}.amazonaws.com", SourceAccount=ACCOUNT)
                }
                self.assertFalse(policy.allows("sts:AssumeRole", "*", OTHER_ACCOUNT, SourceAccount=ACCOUNT))
            self.assertEqual(
                found,
                {f"vitrine-{function}": {"lambda"} for function in FUNCTIONS}
                | {
                    "vitrine-web": {"ec2"},
                    "vitrine-flow-logs": {"vpc-flow-logs"},
                    "vitrine-database-monitoring": {"monitoring.rds"},
                },
            )


@needs_stand_in
class Resources(unittest.TestCase):
    def test_queues_accept_messages_of_the_rule_or_topic_only(self):
        rule = f"arn:aws:events:eu-west-1:{ACCOUNT}:rule/"
        topic = f"arn:aws:sns:eu-west-1:{ACCOUNT}:"
        cases = (
            (defaults(), "events.amazonaws.com", rule + "vitrine-uploads", rule + "other"),
            (alternatives(), "sns.amazonaws.com", topic + "vitrine-objects", topic + "vitrine-alarms"),
        )
        for system, service, right, wrong in cases:
            policies = system.all("aws_sqs_queue_policy").values()
            self.assertEqual(len(policies), 6)
            for text in policies:
                policy = Policy(text["policy"])
                queue = f"arn:aws:sqs:eu-west-1:{ACCOUNT}:" + text["queue_url"].rsplit("/", 1)[1]
                tls = {"SecureTransport": "true"}
                self.assertTrue(policy.allows("sqs:SendMessage", queue, service, SourceArn=right, **tls))
                self.assertFalse(policy.allows("sqs:SendMessage", queue, service, SourceArn=wrong, **tls))
                self.assertFalse(policy.allows("sqs:SendMessage", queue, service, **tls))
                self.assertFalse(policy.allows("sqs:SendMessage", queue, OTHER_ACCOUNT, SourceArn=right, **tls))
                self.assertFalse(policy.allows("sqs:ReceiveMessage", queue, service, SourceArn=right, **tls))
                self.assertFalse(policy.allows("sqs:SendMessage", queue, service, SourceArn=right, SecureTransport="false"))

    def test_topics_accept_messages_of_their_publishers_only(self):
        system = alternatives()
        topics = {text["arn"].rsplit(":", 1)[1]: Policy(text["policy"]) for text in system.all("aws_sns_topic_policy").values()}
        arn = f"arn:aws:sns:eu-west-1:{ACCOUNT}:"
        own = {"SourceAccount": ACCOUNT}

        def allowed(topic, service, **context):
            return topics[topic].allows("sns:Publish", arn + topic, f"{service}.amazonaws.com", **context)

        self.assertEqual(set(topics), {"vitrine-objects", "vitrine-uploads", "vitrine-alarms"})
        self.assertTrue(allowed("vitrine-objects", "s3", SourceArn=PICTURES, **own))
        self.assertFalse(allowed("vitrine-objects", "s3", SourceArn="arn:aws:s3:::other", **own))
        self.assertFalse(allowed("vitrine-objects", "s3", SourceArn=PICTURES, SourceAccount=OTHER_ACCOUNT))
        self.assertFalse(allowed("vitrine-objects", "events", **own))

        self.assertTrue(allowed("vitrine-uploads", "events"))
        self.assertFalse(allowed("vitrine-uploads", "s3", SourceArn=PICTURES, **own))

        alarm = f"arn:aws:cloudwatch:eu-west-1:{ACCOUNT}:alarm:"
        for name in system.all("aws_cloudwatch_metric_alarm", "this").values():
            self.assertTrue(allowed("vitrine-alarms", "cloudwatch", SourceArn=alarm + name["alarm_name"], **own))
        self.assertFalse(allowed("vitrine-alarms", "cloudwatch", SourceArn=alarm + "other", **own))
        budget = f"arn:aws:budgets::{ACCOUNT}:budget/vitrine-monthly"
        self.assertTrue(allowed("vitrine-alarms", "budgets", SourceArn=budget, **own))

    def test_every_publisher_may_use_the_key(self):
        for system in (defaults(), alternatives()):
            key = Policy(system.one("aws_kms_key")["policy"])
            publishers = {
                service
                for text in system.all("aws_sns_topic_policy").values()
                for statement in Policy(text["policy"]).statements
                for service in as_list(statement["Principal"]["Service"])
            }
            for service in publishers:
                for action in ("kms:Decrypt", "kms:GenerateDataKey"):
                    self.assertTrue(key.allows(action, "*", service, SourceAccount=ACCOUNT), service)
                self.assertFalse(key.allows("kms:ScheduleKeyDeletion", "*", service, SourceAccount=ACCOUNT))
            self.assertFalse(key.allows("kms:Decrypt", "*", "lambda.amazonaws.com", SourceAccount=ACCOUNT))
            self.assertFalse(key.allows("kms:Decrypt", "*", "cloudwatch.amazonaws.com", SourceAccount=OTHER_ACCOUNT))
            # EventBridge sends no source account.
            self.assertEqual(key.allows("kms:Decrypt", "*", "events.amazonaws.com"), "events.amazonaws.com" in publishers)

    def test_buckets_require_tls_and_accept_logs_of_their_services_only(self):
        policies = {text["bucket"]: Policy(text["policy"]) for text in defaults().all("aws_s3_bucket_policy").values()}
        pictures, logs = policies[PICTURES.rsplit(":", 1)[1]], policies[LOGS.rsplit(":", 1)[1]]
        tls = {"SecureTransport": "true"}
        (only,) = pictures.statements
        self.assertEqual((only["Effect"], only["Condition"]), ("Deny", {"Bool": {"aws:SecureTransport": "false"}}))

        balancer, s3 = "logdelivery.elasticloadbalancing.amazonaws.com", "logging.s3.amazonaws.com"
        own = {"SourceAccount": ACCOUNT, "SourceArn": PICTURES}
        self.assertTrue(logs.allows("s3:PutObject", f"{LOGS}/alb/AWSLogs/{ACCOUNT}/elasticloadbalancing/a.gz", balancer, **tls))
        self.assertFalse(logs.allows("s3:PutObject", f"{LOGS}/alb/AWSLogs/{OTHER_ACCOUNT}/elasticloadbalancing/a.gz", balancer, **tls))
        self.assertTrue(logs.allows("s3:PutObject", f"{LOGS}/s3/vitrine-pictures/a", s3, **tls, **own))
        self.assertFalse(logs.allows("s3:PutObject", f"{LOGS}/s3/other/a", s3, **tls, **own | {"SourceArn": "arn:aws:s3:::other"}))
        self.assertFalse(logs.allows("s3:GetObject", f"{LOGS}/s3/vitrine-pictures/a", s3, **tls, **own))
        self.assertFalse(logs.allows("s3:PutObject", f"{LOGS}/s3/vitrine-pictures/a", s3, SecureTransport="false", **own))


if __name__ == "__main__":
    unittest.main()
