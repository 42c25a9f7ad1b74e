"""make redrive, logs and ssh on an existing deployment, whose state is in moto's S3."""

import json
import os
import shutil
import signal
import time
import unittest
from datetime import datetime, timezone

from processes import Child
from sandbox import ACCOUNT, REGION, TARGET, Sandbox
from support import FUNCTIONS, TERRAFORM
from test_operations_preconditions import prepare_library


def setUpModule():
    prepare_library()


class CommandTestCase(unittest.TestCase):
    def setUp(self):
        self.sandbox = Sandbox()
        self.addCleanup(self.sandbox.stop)
        self.sqs, self.logs = self.sandbox.aws.client("sqs"), self.sandbox.aws.client("logs")

    def deployed(self, **outputs):
        """Writes a state with default outputs and these."""
        groups = {source: f"/vitrine/{source}" for source in ("web", "collector", "metrics")}
        groups |= {function: f"/aws/lambda/vitrine-{function}" for function in FUNCTIONS}
        default = {"url": "http://site.example", "autoscaling_group": "vitrine-web", "log_groups": groups, "shell_access": "bastion"}
        state = {"version": 4, "outputs": {name: {"value": value} for name, value in (default | outputs).items()}, "resources": []}
        bucket = f"vitrine-state-{ACCOUNT}-{REGION}"
        s3 = self.sandbox.aws.client("s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=bucket, Key="vitrine.tfstate", Body=json.dumps(state))
        return groups

    def operate(self, command, expected=0, **environment):
        status, output = self.sandbox.operate(command, **environment)
        self.assertEqual(status, expected, output)
        self.assertNotIn("Traceback", output)
        return output


class Redrive(CommandTestCase):
    def setUp(self):
        super().setUp()
        self.queues = {}
        for function in FUNCTIONS:
            urls = {suffix: self.sqs.create_queue(QueueName=f"vitrine-{function}{suffix}")["QueueUrl"] for suffix in ("", "-dead")}
            arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:vitrine-{function}"
            self.queues[function] = {"url": urls[""], "arn": arn, "dead_url": urls["-dead"], "dead_arn": f"{arn}-dead"}
        self.deployed(queues=self.queues)

    def send_dead_letters(self, function, *bodies):
        for body in bodies:
            self.sqs.send_message(QueueUrl=self.queues[function]["dead_url"], MessageBody=body)

    def bodies(self, url):
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=0)
        return sorted(message["Body"] for message in answer.get("Messages", []))

    def test_dead_letters_go_back_to_their_queues_and_are_counted(self):
        self.send_dead_letters("annotate", "1", "2", "3")
        self.send_dead_letters("anonymise", "4")
        output = self.operate("redrive")
        for line in ("annotate: 3 dead letters", "thumbnail: 0 dead letters", "anonymise: 1 dead letter\n", "annotate: 3 of 3 redriven"):
            self.assertIn(line, output)
        self.assertEqual(self.bodies(self.queues["annotate"]["url"]), ["1", "2", "3"])
        self.assertEqual(self.bodies(self.queues["anonymise"]["url"]), ["4"])
        for function in FUNCTIONS:
            self.assertEqual(self.bodies(self.queues[function]["dead_url"]), [])
        self.assertEqual(set(self.sandbox.aws.tasks), {self.queues[function]["dead_arn"] for function in ("annotate", "anonymise")})
        # The queues are empty now: no question and no task.
        self.sandbox.aws.tasks.clear()
        self.operate("redrive", YES=None)
        self.assertEqual(self.sandbox.aws.tasks, {})

    def test_function_selects_one_queue_and_confirmation_is_required(self):
        self.send_dead_letters("annotate", "1")
        self.send_dead_letters("thumbnail", "2")
        output = self.operate("redrive", expected=1, YES=None)
        self.assertIn("Set YES=1 to answer yes", output)
        self.assertEqual(self.bodies(self.queues["annotate"]["url"]), [])
        self.operate("redrive", FUNCTION="thumbnail")
        self.assertEqual(self.bodies(self.queues["thumbnail"]["url"]), ["2"])
        self.assertEqual(self.bodies(self.queues["annotate"]["dead_url"]), ["1"])
        self.assertIn(f"Invalid FUNCTION=web: expected one of {', '.join(FUNCTIONS)}\n", self.operate("redrive", expected=1, FUNCTION="web"))


class Logs(CommandTestCase):
    def setUp(self):
        super().setUp()
        self.groups = self.deployed()
        for group in self.groups.values():
            self.logs.create_log_group(logGroupName=group)
            self.logs.create_log_stream(logGroupName=group, logStreamName="one")
        self.now = int(time.time() * 1000)

    def write(self, source, text, seconds_ago=10):
        event = {"timestamp": self.now - 1000 * seconds_ago, "message": text}
        self.logs.put_log_events(logGroupName=self.groups[source], logStreamName="one", logEvents=[event])

    def test_lines_of_all_groups_are_sorted_and_name_their_source(self):
        self.write("annotate", "second\n", 20)
        self.write("web", "first", 30)
        self.write("thumbnail", "third", 10)
        self.write("web", "long ago", 3600)
        self.write("collector", "hidden by default")
        output = self.operate("logs", FOLLOW="0")
        moment = datetime.fromtimestamp((self.now - 30_000) / 1000, timezone.utc)
        lines = output.splitlines()
        width = max(len(source) for source in ("web", *FUNCTIONS))
        self.assertEqual(lines[0], f"{moment:%Y-%m-%dT%H:%M:%S}.{self.now % 1000:03}Z {'web':{width}} first")
        self.assertEqual([line.split()[1:] for line in lines[1:]], [["annotate", "second"], ["thumbnail", "third"]])

    def test_function_and_since_select_lines(self):
        self.write("web", "an hour ago", 3600)
        self.write("collector", "just now")
        self.assertIn("an hour ago", self.operate("logs", FOLLOW="0", FUNCTION="web", SINCE="2h"))
        self.assertIn("just now", self.operate("logs", FOLLOW="0", FUNCTION="collector"))
        self.assertIn("Invalid SINCE=yesterday", self.operate("logs", expected=1, SINCE="yesterday"))
        sources = ", ".join(sorted(("web", "collector", "metrics", *FUNCTIONS)))
        self.assertIn(f"Invalid FUNCTION=all: expected one of {sources}\n", self.operate("logs", expected=1, FUNCTION="all"))

    def test_following_shows_each_line_once_and_ends_on_interrupt(self):
        self.write("web", "before")
        command = [self.sandbox.checkout / "terraform" / "operate", "logs"]
        follower = Child(command, 600, env=self.sandbox.environment())
        self.addCleanup(follower.kill)
        seen = [follower.line()]
        # Two lines of the same millisecond, both older than the one already shown.
        self.write("web", "late", 12)
        self.write("annotate", "after", 12)
        seen += [follower.line(), follower.line()]
        os.kill(follower.pid, signal.SIGINT)
        self.assertEqual((follower.rest(), follower.returncode), ("", 0))
        self.assertEqual([line.split()[-1] for line in seen], ["before", "after", "late"])


class Shells(CommandTestCase):
    def setUp(self):
        super().setUp()
        ec2, autoscaling = self.sandbox.aws.client("ec2"), self.sandbox.aws.client("autoscaling")
        image = ec2.describe_images(Owners=["amazon"])["Images"][0]["ImageId"]
        template = ec2.create_launch_template(LaunchTemplateName="web", LaunchTemplateData={"ImageId": image, "InstanceType": "t4g.small"})
        autoscaling.create_auto_scaling_group(
            AutoScalingGroupName="vitrine-web", MinSize=2, MaxSize=2, DesiredCapacity=2, AvailabilityZones=[f"{REGION}a"],
            LaunchTemplate={"LaunchTemplateId": template["LaunchTemplate"]["LaunchTemplateId"], "Version": "1"},
        )
        instances = [instance for part in ec2.describe_instances()["Reservations"] for instance in part["Instances"]]
        self.addresses = {instance["InstanceId"]: instance["PrivateIpAddress"] for instance in instances}
        self.first, self.second = sorted(self.addresses)
        for tool in ("ssh", "session-manager-plugin"):
            self.sandbox.tool(tool, f'#!/bin/sh\necho "called: {tool} $*"\n')
        self.cli("2.31.0")

    def cli(self, version):
        self.sandbox.tool("aws", f'#!/bin/sh\n[ "$1" != --version ] || {{ echo "aws-cli/{version} Python/3"; exit; }}\necho "called: aws $*"\n')

    def called(self, **environment):
        output = self.operate("ssh", **environment)
        (line,) = (line for line in output.splitlines() if line.startswith("called: "))
        return line.removeprefix("called: ")

    def test_bastion(self):
        self.deployed(bastion_address="203.0.113.9")
        for instance, environment in ((self.first, {}), (self.second, {"INSTANCE": self.second})):
            self.assertEqual(
                self.called(**environment),
                f"ssh -J ec2-user@203.0.113.9 -o HostKeyAlias={instance} ec2-user@{self.addresses[instance]}",
            )
        output = self.operate("ssh", expected=1, INSTANCE="i-0815")
        self.assertIn(f"Invalid INSTANCE=i-0815: expected one of {self.first}, {self.second}", output)

    def test_instance_connect_endpoint(self):
        self.deployed(shell_access="instance_connect")
        self.assertEqual(
            self.called(),
            f"aws ec2-instance-connect ssh --region {REGION} --instance-id {self.first} --connection-type eice --os-user ec2-user",
        )
        self.cli("1.45.11")
        self.assertIn("needs the AWS CLI, version 2; installed is 1.45.11", self.operate("ssh", expected=1))

    def test_session_manager(self):
        self.deployed(shell_access="session_manager")
        self.assertEqual(self.called(), f"aws ssm start-session --region {REGION} --target {self.first}")
        (self.sandbox.tools / "session-manager-plugin").unlink()
        if not shutil.which("session-manager-plugin"):
            self.assertIn("session-manager-plugin, which no package registry has: https://", self.operate("ssh", expected=1))

    def test_shell_access_is_disabled(self):
        self.deployed(shell_access="none")
        self.assertIn('shell_access is "none"', self.operate("ssh", expected=1))

    def test_no_instance_is_in_service(self):
        self.deployed(bastion_address="203.0.113.9")
        self.sandbox.aws.client("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName="vitrine-web", MinSize=0, DesiredCapacity=0
        )
        self.assertIn("No instance is in service.", self.operate("ssh", expected=1))


class StateFormat(CommandTestCase):
    def test_unsupported_state_version_is_an_error(self):
        self.deployed()
        self.sandbox.aws.client("s3").put_object(
            Bucket=f"vitrine-state-{ACCOUNT}-{REGION}", Key="vitrine.tfstate", Body=json.dumps({"version": 5})
        )
        self.assertIn("has version 5", self.operate("logs", expected=1))


class Interrupts(unittest.TestCase):
    """An interrupt lets the called program finish: Terraform writes its state and releases the lock."""

    # Without $(…): bash 5.2 does not parse a trap that runs while it parses one.
    SCRIPT = 'trap "sleep 1; echo cleaned up; exit 1" INT; echo started; for i in {1..300}; do sleep 0.1; done'

    def assert_cleans_up(self, interrupt, launcher=()):
        program = f"from operations.tools import run\nprint(run(['bash', '-c', {self.SCRIPT!r}])[0], flush=True)"
        python = TARGET.absolute() / "operations" / "venv" / "bin" / "python"
        child = Child([*launcher, python, "-c", program], 300, cwd=TERRAFORM, env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"})
        self.addCleanup(child.kill)
        self.assertEqual(child.line(), "started\n")
        interrupt(child.pid)
        self.assertEqual(child.rest(), "cleaned up\n1\n")

    def test_control_c_at_the_terminal(self):
        self.assert_cleans_up(lambda process: os.killpg(process, signal.SIGINT))

    def test_sigterm(self):
        self.assert_cleans_up(lambda process: os.kill(process, signal.SIGTERM))

    def test_sigterm_of_a_command_that_was_started_with_sigint_ignored(self):
        launcher = ("sh", "-c", "trap '' INT; exec \"$@\"", "sh")
        self.assert_cleans_up(lambda process: os.kill(process, signal.SIGTERM), launcher)


if __name__ == "__main__":
    unittest.main()
