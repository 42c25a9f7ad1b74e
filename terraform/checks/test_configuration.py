"""Properties of the applied configuration as a whole."""

import base64
import collections
import json
import unittest

from support import ADMIN_PASSWORD, FUNCTIONS, GEMINI_KEY, alternatives, as_list, defaults, needs_stand_in

ANYWHERE = "0.0.0.0/0"


def setUpModule():
    # Both are applied once; the tests share them.
    if not getattr(Defaults, "__unittest_skip__", False):
        defaults()
        alternatives()


@needs_stand_in
class Defaults(unittest.TestCase):
    def test_resources_are_complete(self):
        system = defaults()
        counts = collections.Counter(kind for kind, *_ in system.resources)
        expected = {
            "aws_subnet": 9,
            "aws_nat_gateway": 3,
            "aws_vpc_endpoint": 1,
            "aws_flow_log": 1,
            "aws_instance": 1,
            "aws_lb": 1,
            "aws_autoscaling_group": 1,
            "aws_autoscaling_policy": 1,
            "aws_autoscaling_lifecycle_hook": 1,
            "aws_db_instance": 1,
            "aws_secretsmanager_secret_rotation": 1,
            "aws_s3_bucket": 2,
            "aws_cloudwatch_event_rule": 1,
            "aws_cloudwatch_event_target": len(FUNCTIONS),
            "aws_cloudwatch_event_archive": 1,
            "aws_sqs_queue": 2 * len(FUNCTIONS),
            "aws_lambda_function": len(FUNCTIONS),
            "aws_lambda_event_source_mapping": len(FUNCTIONS),
            "aws_secretsmanager_secret": 2,
            "aws_cloudwatch_dashboard": 1,
            # Seven for the site, three for the database and three for each function.
            "aws_cloudwatch_metric_alarm": 10 + 3 * len(FUNCTIONS),
            "aws_sns_topic": 1,
        }
        self.assertEqual({kind: counts[kind] for kind in expected}, expected)
        print(f"\n{sum(counts.values())} resources by default: ", end="")
        print(", ".join(f"{number} {kind.removeprefix('aws_')}" for kind, number in sorted(counts.items())))

    def test_nothing_uses_the_network_before_it_reaches_the_internet(self):
        # InvalidSubnet: "The specified VPC has no associated Internet gateway." AttachLoadBalancerToSubnets,
        # https://docs.aws.amazon.com/elasticloadbalancing/2012-06-01/APIReference/API_AttachLoadBalancerToSubnets.html
        for kind, route in (("aws_lb", "internet"), ("aws_instance", "internet"), ("aws_autoscaling_group", "nat")):
            dependencies = {
                address for type_, _, _, instance in defaults().resources if type_ == kind for address in instance["dependencies"]
            }
            self.assertIn(f"module.network.aws_route.{route}", dependencies, kind)

    def test_connections_between_security_groups(self):
        self.assertEqual(
            connections(defaults()),
            {
                f"{ANYWHERE} -> load-balancer 80",
                "load-balancer -> web 8080",
                "203.0.113.7/32 -> bastion 22",
                "bastion -> web 22",
            }
            | {f"{client} -> database 5432" for client in ("web", *FUNCTIONS)}
            | {f"{client} -> {ANYWHERE} 443" for client in ("web", *FUNCTIONS)},
        )

    def test_connections_between_security_groups_with_alternatives(self):
        self.assertEqual(
            connections(alternatives()),
            {
                f"{ANYWHERE} -> load-balancer 80",
                f"{ANYWHERE} -> load-balancer 443",
                "load-balancer -> web 8080",
                "10.20.0.0/16 -> endpoints 443",
            }
            | {f"{client} -> database 3306" for client in ("web", *FUNCTIONS)}
            | {f"{client} -> {ANYWHERE} 443" for client in ("web", *FUNCTIONS)},
        )

    def test_data_at_rest_is_encrypted(self):
        for system in (defaults(), alternatives()):
            self.assertTrue(system.one("aws_db_instance")["storage_encrypted"])
            for queue in system.all("aws_sqs_queue").values():
                self.assertTrue(queue["sqs_managed_sse_enabled"], queue["name"])
            for topic in system.all("aws_sns_topic").values():
                self.assertEqual(topic["kms_master_key_id"], system.one("aws_kms_key")["arn"])
            encrypted = {
                configuration["bucket"]
                for configuration in system.all("aws_s3_bucket_server_side_encryption_configuration").values()
            }
            self.assertEqual(encrypted, {bucket["bucket"] for bucket in system.all("aws_s3_bucket").values()})
            (mapping,) = system.one("aws_launch_template")["block_device_mappings"]
            self.assertEqual(mapping["ebs"][0]["encrypted"], "true")
        self.assertTrue(defaults().one("aws_instance")["root_block_device"][0]["encrypted"])

    def test_only_the_site_and_the_bastion_are_public(self):
        for system in (defaults(), alternatives()):
            self.assertFalse(system.one("aws_db_instance")["publicly_accessible"])
            blocked = system.all("aws_s3_bucket_public_access_block").values()
            self.assertEqual(len(blocked), len(system.all("aws_s3_bucket")))
            for block in blocked:
                for attribute in ("block_public_acls", "block_public_policy", "ignore_public_acls"):
                    self.assertTrue(block[attribute])
                self.assertTrue(block["restrict_public_buckets"])
            for subnet in system.all("aws_subnet").values():
                self.assertFalse(subnet["map_public_ip_on_launch"])
            private = {subnet["id"] for subnet in system.all("aws_subnet", "private").values()}
            self.assertEqual(set(system.one("aws_autoscaling_group")["vpc_zone_identifier"]), private)
            for function in system.all("aws_lambda_function").values():
                self.assertEqual(set(function["vpc_config"][0]["subnet_ids"]), private)
            isolated = {subnet["id"] for subnet in system.all("aws_subnet", "database").values()}
            self.assertEqual(set(system.one("aws_db_subnet_group")["subnet_ids"]), isolated)

    def test_each_process_gets_its_settings(self):
        system = defaults()
        common = {
            "DATABASE_URL": f"postgres://{system.one('aws_db_instance')['address']}:5432/vitrine",
            "DATABASE_SECRET_ARN": system.one("aws_secretsmanager_secret_rotation")["secret_id"],
            "VITRINE_LOG_FORMAT": "json",
            "VITRINE_QUEUE": "https://sqs.eu-west-1.amazonaws.com/123456789012/vitrine-{step}",
            "VITRINE_STORAGE": "s3://vitrine-pictures-123456789012-eu-west-1",
        }
        for queue in system.all("aws_sqs_queue", "this").values():
            self.assertEqual(queue["url"], common["VITRINE_QUEUE"].replace("{step}", queue["name"].removeprefix("vitrine-")))
            self.assertEqual(json.loads(queue["redrive_policy"])["maxReceiveCount"], 5)
        secrets = {secret["name"]: secret["arn"] for secret in system.all("aws_secretsmanager_secret").values()}
        (gemini,) = (arn for name, arn in secrets.items() if name.startswith("vitrine/gemini-api-key-"))
        (admin,) = (arn for name, arn in secrets.items() if name.startswith("vitrine/admin-password-"))
        functions = {
            function["function_name"]: function["environment"][0]["variables"]
            for function in system.all("aws_lambda_function").values()
        }
        function_settings = common | {"VITRINE_DATA": "/tmp", "VITRINE_MAX_RECEIVES": "5"}
        captioner = {
            "VITRINE_CAPTIONER": "gemini",
            "GEMINI_API_KEY_SECRET_ARN": gemini,
            "GEMINI_API_KEY_VERSION": "1",
            "VITRINE_CAPTION_CONCURRENCY": "4",
            "VITRINE_CAPTION_PRICE": "USD 1.5 9",
            "VITRINE_CAPTION_TIMEOUT": "60",
        }
        self.assertEqual(
            functions,
            {f"vitrine-{function}": function_settings for function in FUNCTIONS}
            | {"vitrine-annotate": function_settings | captioner},
        )
        script = base64.b64decode(system.one("aws_launch_template")["user_data"]).decode()
        (lines,) = (
            part.split("END_OF_FILE\n")[0] for part in script.split('"$settings/web.env" <<\'END_OF_FILE\'\n')[1:]
        )
        self.assertEqual(
            dict(line.split("=", 1) for line in lines.splitlines()),
            common
            | captioner
            | {
                "AWS_REGION": "eu-west-1",
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
                # The exporter for CloudWatch takes the counts of histograms as they are: "Todo:(khanhntd)
                # Calculate delta value for count and sum value with histogram". awsemfexporter,
                # https://github.com/open-telemetry/opentelemetry-collector-contrib/blob/main/exporter/awsemfexporter/datapoint.go
                "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "delta",
                "OTEL_TRACES_SAMPLER": "parentbased_traceidratio",
                "OTEL_TRACES_SAMPLER_ARG": "0.05",
                "OTEL_SERVICE_NAME": "vitrine-web",
                "ADMIN_PASSWORD_VERSION": "1",
                "DATABASE_MAX_CONNECTIONS": "10",
                "VITRINE_ADMIN_PASSWORD_SECRET_ARN": admin,
                "VITRINE_BIND": "0.0.0.0:8080",
                "VITRINE_DATA": "/var/lib/vitrine",
                "VITRINE_TRUSTED_PROXIES": ",".join(
                    sorted(
                        subnet["cidr_block"]
                        for address, subnet in system.all("aws_subnet").items()
                        if ".public[" in address
                    )
                ),
                "VITRINE_WORKERS": "0",
            },
        )

    def test_no_secret_is_in_the_state(self):
        for system in (defaults(), alternatives()):
            self.assertNotIn(GEMINI_KEY, system.state_text)
            self.assertNotIn(ADMIN_PASSWORD, system.state_text)

    def test_every_log_group_has_a_retention(self):
        for system in (defaults(), alternatives()):
            for group in system.all("aws_cloudwatch_log_group").values():
                self.assertEqual(group["retention_in_days"], 30, group["name"])

    def test_resources_have_the_default_tags(self):
        system = defaults()
        for kind in ("aws_vpc", "aws_db_instance", "aws_lambda_function", "aws_s3_bucket", "aws_sqs_queue"):
            for attributes in system.all(kind).values():
                self.assertLessEqual({"Project": "vitrine", "ManagedBy": "terraform"}.items(), attributes["tags_all"].items())


def connections(system):
    """The open ports between security groups and address ranges, as "source -> target port". A rule
    between two groups must exist on both sides."""
    names = {
        group["id"]: group["name"].removeprefix("vitrine-") for group in system.all("aws_security_group").values()
    }
    # Other protocols than TCP, and ranges of ports, are part of the text.
    into, out = set(), set()
    for kind, rules in (("ingress", into), ("egress", out)):
        for rule in system.all(f"aws_vpc_security_group_{kind}_rule").values():
            group = names[rule["security_group_id"]]
            other = rule["cidr_ipv4"] or names[rule["referenced_security_group_id"]]
            ports = f"{rule['from_port']}" if rule["from_port"] == rule["to_port"] else f"{rule['from_port']}-{rule['to_port']}"
            if rule["ip_protocol"] != "tcp":
                ports += f" {rule['ip_protocol']}"
            rules.add((other, group, ports) if kind == "ingress" else (group, other, ports))
    for group in system.all("aws_security_group").values():
        assert not group["ingress"] and not group["egress"], group["name"]
    groups = set(names.values())
    one_sided = {rule for rule in into ^ out if rule[0] in groups and rule[1] in groups}
    assert not one_sided, f"rules that only one side has: {one_sided}"
    return {f"{source} -> {target} {ports}" for source, target, ports in into | out}


@needs_stand_in
class Wildcards(unittest.TestCase):
    # AWS supports no resource-level permissions for these actions.
    ALLOWED = {
        "cloudwatch:PutMetricData",
        "ecr:GetAuthorizationToken",
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
        "ssm:UpdateInstanceInformation",
        "ssmmessages:CreateControlChannel",
        "ssmmessages:CreateDataChannel",
        "ssmmessages:OpenControlChannel",
        "ssmmessages:OpenDataChannel",
        "xray:PutTelemetryRecords",
        "xray:PutTraceSegments",
    }

    def test_wildcard_resources_are_used_only_where_aws_requires_them(self):
        found = set()
        for system in (defaults(), alternatives()):
            for policy in system.policies().values():
                for statement in policy.statements:
                    self.assertFalse([action for action in as_list(statement["Action"]) if "*" in action])
                    if statement["Effect"] == "Allow" and "*" in as_list(statement["Resource"]):
                        found |= set(as_list(statement["Action"]))
        self.assertEqual(found, self.ALLOWED)


if __name__ == "__main__":
    unittest.main()
