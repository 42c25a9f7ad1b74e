"""make redrive, logs and ssh, on a deployment that is there: its state lies in moto's S3."""

import json
import os
import shutil
import signal
import subprocess
import time
import unittest
from datetime import datetime, timezone

from support import TERRAFORM
from test_operations_refusals import prepare_library
from world import ACCOUNT, REGION, TARGET, World

FUNCTIONS = ("annotate", "thumbnail", "anonymise")


def setUpModule():
    prepare_library()


class Running(unittest.TestCase):
    def setUp(self):
        self.world = World()
        self.addCleanup(self.world.stop)
        self.sqs, self.logs = self.world.aws.client("sqs"), self.world.aws.client("logs")

    def deployed(self, **outputs):
        """Writes a state with these outputs beside the usual ones."""
        groups = {what: f"/vitrine/{what}" for what in ("web", "collector", "metrics")}
        groups |= {what: f"/aws/lambda/vitrine-{what}" for what in FUNCTIONS}
        usual = {"url": "http://site.example", "autoscaling_group": "vitrine-web", "log_groups": groups, "shell_access": "bastion"}
        state = {"version": 4, "outputs": {name: {"value": value} for name, value in (usual | outputs).items()}, "resources": []}
        bucket = f"vitrine-state-{ACCOUNT}-{REGION}"
        s3 = self.world.aws.client("s3")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
        s3.put_object(Bucket=bucket, Key="vitrine.tfstate", Body=json.dumps(state))
        return groups

    def operate(self, command, expected=0, **environment):
        code, output = self.world.operate(command, **environment)
        self.assertEqual(code, expected, output)
        self.assertNotIn("Traceback", output)
        return output


class Redrive(Running):
    def setUp(self):
        super().setUp()
        self.queues = {}
        for function in FUNCTIONS:
            urls = {which: self.sqs.create_queue(QueueName=f"vitrine-{function}{which}")["QueueUrl"] for which in ("", "-dead")}
            arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:vitrine-{function}"
            self.queues[function] = {"url": urls[""], "arn": arn, "dead_url": urls["-dead"], "dead_arn": f"{arn}-dead"}
        self.deployed(queues=self.queues)

    def put(self, function, *letters):
        for letter in letters:
            self.sqs.send_message(QueueUrl=self.queues[function]["dead_url"], MessageBody=letter)

    def bodies(self, url):
        answer = self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=0)
        return sorted(message["Body"] for message in answer.get("Messages", []))

    def test_letters_go_back_where_they_came_from_and_are_counted(self):
        self.put("annotate", "1", "2", "3")
        self.put("anonymise", "4")
        output = self.operate("redrive")
        for line in ("annotate: 3 dead letters", "thumbnail: 0 dead letters", "anonymise: 1 dead letter\n", "annotate: 3 of 3 sent back"):
            self.assertIn(line, output)
        self.assertEqual(self.bodies(self.queues["annotate"]["url"]), ["1", "2", "3"])
        self.assertEqual(self.bodies(self.queues["anonymise"]["url"]), ["4"])
        for function in FUNCTIONS:
            self.assertEqual(self.bodies(self.queues[function]["dead_url"]), [])
        self.assertEqual(set(self.world.aws.tasks), {self.queues[what]["dead_arn"] for what in ("annotate", "anonymise")})
        # Again: there are none, so nothing is asked and nothing is started.
        self.world.aws.tasks.clear()
        self.operate("redrive", YES=None)
        self.assertEqual(self.world.aws.tasks, {})

    def test_one_function_only_and_none_without_a_yes(self):
        self.put("annotate", "1")
        self.put("thumbnail", "2")
        output = self.operate("redrive", expected=1, YES=None)
        self.assertIn("YES=1 says yes", output)
        self.assertEqual(self.bodies(self.queues["annotate"]["url"]), [])
        self.operate("redrive", FUNCTION="thumbnail")
        self.assertEqual(self.bodies(self.queues["thumbnail"]["url"]), ["2"])
        self.assertEqual(self.bodies(self.queues["annotate"]["dead_url"]), ["1"])
        self.assertIn("is none of annotate, anonymise, thumbnail", self.operate("redrive", expected=1, FUNCTION="web"))


class Logs(Running):
    def setUp(self):
        super().setUp()
        self.groups = self.deployed()
        for group in self.groups.values():
            self.logs.create_log_group(logGroupName=group)
            self.logs.create_log_stream(logGroupName=group, logStreamName="one")
        self.now = int(time.time() * 1000)

    def write(self, what, text, seconds_ago=10):
        event = {"timestamp": self.now - 1000 * seconds_ago, "message": text}
        self.logs.put_log_events(logGroupName=self.groups[what], logStreamName="one", logEvents=[event])

    def test_lines_of_all_are_in_order_and_say_where_they_are_from(self):
        self.write("annotate", "second\n", 20)
        self.write("web", "first", 30)
        self.write("thumbnail", "third", 10)
        self.write("web", "long ago", 3600)
        self.write("collector", "of no interest")
        output = self.operate("logs", FOLLOW="0")
        moment = datetime.fromtimestamp((self.now - 30_000) / 1000, timezone.utc)
        lines = output.splitlines()
        self.assertEqual(lines[0], f"{moment:%Y-%m-%dT%H:%M:%S}.{self.now % 1000:03}Z web       first")
        self.assertEqual([line.split()[1:] for line in lines[1:]], [["annotate", "second"], ["thumbnail", "third"]])

    def test_one_group_and_a_time(self):
        self.write("web", "an hour ago", 3600)
        self.write("collector", "just now")
        self.assertIn("an hour ago", self.operate("logs", FOLLOW="0", FUNCTION="web", SINCE="2h"))
        self.assertIn("just now", self.operate("logs", FOLLOW="0", FUNCTION="collector"))
        self.assertIn("SINCE=yesterday is no time", self.operate("logs", expected=1, SINCE="yesterday"))
        self.assertIn("is none of annotate, anonymise, collector", self.operate("logs", expected=1, FUNCTION="all"))

    def test_it_follows_shows_each_line_once_and_ends_when_told(self):
        self.write("web", "before")
        command = [self.world.checkout / "terraform" / "operate", "logs"]
        follower = subprocess.Popen(command, env=self.world.environment(), stdout=subprocess.PIPE, text=True)
        self.addCleanup(follower.kill)
        seen = [follower.stdout.readline()]
        # Two lines of the same millisecond, one of them from a little earlier than what was shown.
        self.write("web", "late", 12)
        self.write("annotate", "after", 12)
        seen += [follower.stdout.readline(), follower.stdout.readline()]
        follower.send_signal(signal.SIGINT)
        rest, _ = follower.communicate(timeout=30)
        self.assertEqual(follower.returncode, 0)
        self.assertEqual(rest, "")
        self.assertEqual([line.split()[-1] for line in seen], ["before", "after", "late"])


class Shells(Running):
    def setUp(self):
        super().setUp()
        ec2, autoscaling = self.world.aws.client("ec2"), self.world.aws.client("autoscaling")
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
            self.world.tool(tool, f'#!/bin/sh\necho "called: {tool} $*"\n')
        self.cli("2.31.0")

    def cli(self, version):
        self.world.tool("aws", f'#!/bin/sh\n[ "$1" != --version ] || {{ echo "aws-cli/{version} Python/3"; exit; }}\necho "called: aws $*"\n')

    def called(self, **environment):
        output = self.operate("ssh", **environment)
        (line,) = (line for line in output.splitlines() if line.startswith("called: "))
        return line.removeprefix("called: ")

    def test_through_the_bastion(self):
        self.deployed(bastion_address="203.0.113.9")
        for instance, environment in ((self.first, {}), (self.second, {"INSTANCE": self.second})):
            self.assertEqual(
                self.called(**environment),
                f"ssh -J ec2-user@203.0.113.9 -o HostKeyAlias={instance} ec2-user@{self.addresses[instance]}",
            )
        output = self.operate("ssh", expected=1, INSTANCE="i-0815")
        self.assertIn(f"INSTANCE=i-0815 is none of {self.first}, {self.second}", output)

    def test_through_the_endpoint(self):
        self.deployed(shell_access="instance_connect")
        self.assertEqual(
            self.called(),
            f"aws ec2-instance-connect ssh --region {REGION} --instance-id {self.first} --connection-type eice --os-user ec2-user",
        )
        self.cli("1.45.11")
        self.assertIn("needs the AWS CLI, version 2, and this is 1.45.11", self.operate("ssh", expected=1))

    def test_through_session_manager(self):
        self.deployed(shell_access="session_manager")
        self.assertEqual(self.called(), f"aws ssm start-session --region {REGION} --target {self.first}")
        (self.world.tools / "session-manager-plugin").unlink()
        if not shutil.which("session-manager-plugin"):
            self.assertIn("session-manager-plugin, which is in no package registry: https://", self.operate("ssh", expected=1))

    def test_not_at_all(self):
        self.deployed(shell_access="none")
        self.assertIn('shell_access is "none"', self.operate("ssh", expected=1))

    def test_nobody_is_there(self):
        self.deployed(bastion_address="203.0.113.9")
        self.world.aws.client("autoscaling").update_auto_scaling_group(
            AutoScalingGroupName="vitrine-web", MinSize=0, DesiredCapacity=0
        )
        self.assertIn("No instance is in service.", self.operate("ssh", expected=1))


class Format(Running):
    def test_a_state_of_another_version_is_not_guessed_at(self):
        self.deployed()
        self.world.aws.client("s3").put_object(
            Bucket=f"vitrine-state-{ACCOUNT}-{REGION}", Key="vitrine.tfstate", Body=json.dumps({"version": 5})
        )
        self.assertIn("is of version 5", self.operate("logs", expected=1))


class Interrupts(unittest.TestCase):
    """Terraform writes its state down and gives its lock back when it is interrupted. For that it
    has to be left alive."""

    SCRIPT = 'trap "sleep 1; echo in order; exit 1" INT; echo started; for i in $(seq 300); do sleep 0.1; done'

    def interrupted(self, how):
        program = f"from operations.tools import run\nprint(run(['bash', '-c', {self.SCRIPT!r}])[0], flush=True)"
        process = subprocess.Popen(
            [TARGET.absolute() / "operations" / "venv" / "bin" / "python", "-c", program], cwd=TERRAFORM,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}, stdout=subprocess.PIPE, text=True, start_new_session=True,
        )
        self.addCleanup(process.kill)
        self.assertEqual(process.stdout.readline(), "started\n")
        how(process.pid)
        output, _ = process.communicate(timeout=30)
        self.assertEqual(output, "in order\n1\n")

    def test_by_control_and_c(self):
        self.interrupted(lambda process: os.killpg(process, signal.SIGINT))

    def test_by_whoever_ends_the_session(self):
        self.interrupted(lambda process: os.kill(process, signal.SIGTERM))


if __name__ == "__main__":
    unittest.main()
