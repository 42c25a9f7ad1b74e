"""The commands report every missing precondition and invalid input before anything is created."""

import re
import shutil
import unittest

import boto3

from processes import Terminal, run
from sandbox import REAL_TERRAFORM, Sandbox
from support import DEFAULTS, REPOSITORY, TERRAFORM

# The environment variables that are options of the commands.
VARIABLES = {
    "ALL", "CONFIRM", "DEPLOYMENT", "FILTER", "FOLLOW", "FUNCTION", "IMAGE", "INSTANCE", "SINCE", "UNLOCK", "WAIT_MINUTES", "YES",
}


def setUpModule():
    prepare_library()


def prepare_library():
    """Has `operate` install boto3 once, in the folder that all sandboxes share."""
    usage = run([TERRAFORM / "operate"], 300)
    assert "Usage: operate deploy" in usage.stderr, usage.stdout + usage.stderr


@unittest.skipUnless(REAL_TERRAFORM, "terraform is not installed")
class Preconditions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sandbox = Sandbox()
        cls.addClassCleanup(cls.sandbox.stop)

    def setUp(self):
        self.sandbox.aws.error = None
        self.sandbox.aws.reset()
        self.sandbox.take_calls()
        self.sandbox.write_variables()

    def assert_refused(self, *expected, command="deploy", **environment):
        """The command fails with these messages and no traceback; nothing is created in AWS and no fake is called."""
        status, output = self.sandbox.operate(command, **environment)
        self.assertEqual(status, 1, output)
        for text in expected:
            self.assertIn(text, output)
        self.assertNotIn("Traceback", output)
        self.sandbox.aws.error = None
        self.assertEqual(self.sandbox.aws.client("s3").list_buckets()["Buckets"], [])
        self.assertEqual(self.sandbox.aws.client("ecr").describe_repositories()["repositories"], [])
        called = {call for call in self.sandbox.take_calls() if call != "docker version"}
        self.assertEqual(called, set())
        return output

    def test_terraform_is_missing(self):
        tools = self.sandbox.folder / "without-terraform"
        shutil.rmtree(tools, ignore_errors=True)
        tools.mkdir()
        for name in ("bash", "cmp", "dirname", "env"):
            (tools / name).symlink_to(shutil.which(name))
        self.assert_refused("Terraform is not installed", "1.11", "https://developer.hashicorp.com/terraform/install", PATH=str(tools))

    def test_terraform_is_too_old(self):
        self.assert_refused("Terraform 1.9.8 is installed; 1.11 or newer is required", TERRAFORM_VERSION="1.9.8")

    def test_region_is_missing(self):
        self.assert_refused("No AWS region is set", "AWS_REGION=", AWS_REGION=None, AWS_DEFAULT_REGION=None)

    def test_region_of_variables_and_environment_differ(self):
        self.sandbox.write_variables(region="eu-central-1")
        self.assert_refused("The region is eu-central-1 in terraform/vitrine.tfvars and eu-west-1 in the environment")

    def test_credentials_are_missing(self):
        output = self.assert_refused(
            "AWS credentials are missing", "aws configure", "AWS_PROFILE", AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None
        )
        self.assertEqual(output.count("AWS credentials"), 1)

    def test_profile_does_not_exist(self):
        self.assert_refused("The config profile (nobody) could not be found", AWS_PROFILE="nobody")

    def test_credentials_are_expired_or_invalid(self):
        for code, expected in (("ExpiredToken", "have expired"), ("InvalidClientTokenId", "The AWS credentials are invalid")):
            self.sandbox.aws.error = f"<ErrorResponse><Error><Code>{code}</Code><Message>No.</Message></Error></ErrorResponse>"
            with self.subTest(code):
                self.assert_refused(expected, "aws configure", "AWS_PROFILE")

    def test_docker_or_its_engine_is_missing(self):
        (self.sandbox.tools / "docker").rename(self.sandbox.folder / "docker")
        try:
            # Hides a Docker of the system: only the needed programs are on the PATH.
            tools = self.sandbox.folder / "without-docker"
            shutil.rmtree(tools, ignore_errors=True)
            tools.mkdir()
            for name in ("bash", "sh", "cmp", "dirname", "env", "git", "make", "cp", "mkdir"):
                (tools / name).symlink_to(shutil.which(name))
            self.assert_refused(
                "Docker is not installed", "IMAGE=", PATH=f"{self.sandbox.tools}:{tools}",
            )
        finally:
            (self.sandbox.folder / "docker").rename(self.sandbox.tools / "docker")
        (self.sandbox.folder / "no-engine").touch()
        try:
            self.assert_refused("The Docker engine does not answer", "Cannot connect to the Docker daemon")
        finally:
            (self.sandbox.folder / "no-engine").unlink()

    def test_image_is_not_a_digest_or_is_not_in_the_registry(self):
        self.assert_refused("Invalid IMAGE=vitrine:latest: expected a digest", IMAGE="vitrine:latest")
        repository = DEFAULTS["image"].split("@")[0]
        self.assert_refused("The registry has no image sha256:1111", IMAGE=f"{repository}@sha256:{'1' * 64}")

    def test_deployment_name_is_invalid(self):
        # tests/validations.tftest.hcl quotes AWS for each.
        for name in ("My_Photos", "a--b", "internal-photos", "sg-photos", "default", "sthree"):
            self.assert_refused(f"Invalid DEPLOYMENT={name}", DEPLOYMENT=name)

    def test_region_has_too_few_zones_or_a_zone_lacks_the_instance_type(self):
        # "Lists the instance types that are offered for the specified location." DescribeInstanceTypeOfferings,
        # https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstanceTypeOfferings.html
        self.assert_refused(
            "needs three availability zones with t4g.small; this account has", "Choose another region", AWS_REGION="us-west-1"
        )
        self.sandbox.write_variables(zones=["eu-west-1a", "eu-west-1b", "eu-west-1d"])
        self.assert_refused("There is no t4g.small in eu-west-1d.", 'zones = ["eu-west-1a", "eu-west-1b", "eu-west-1c"]')

    def test_the_account_is_new_and_has_small_quotas(self):
        # "New AWS accounts have reduced concurrency and memory quotas. AWS raises these quotas automatically
        # based on your usage." Lambda quotas, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        aws = self.sandbox.aws
        quotas = aws.quotas
        self.addCleanup(lambda: vars(aws).update(quotas=quotas, plan="PAID"))
        aws.quotas, aws.plan = {"L-1216C47A": 5, "L-0263D0A3": 2, "L-B99A9384": 10}, "FREE"
        self.assert_refused(
            "vCPUs of running instances, during a deploy: 8 needed, the quota is 5",
            "Elastic IP addresses: 3 needed, the quota is 2",
            "concurrent executions of functions: 30 needed, the quota is 10",
            "not db.t4g.small", "keeps backups of a database for a day, not 14",
            'instance_class = "db.t4g.micro"', "Continue anyway?", YES=None,
        )
        # The small size fits, except for functions, whose quota AWS raises.
        self.sandbox.write_variables(
            network={"nat": "single"}, database={"instance_class": "db.t4g.micro", "multi_az": False, "backup_retention_days": 1},
            web={"capacity": {"min": 1, "desired": 1, "max": 2}}, shell_access="session_manager",
        )
        output = self.assert_refused("concurrent executions", "Continue anyway?", YES=None)
        for text in ("vCPUs", "Elastic IP", "free plan"):
            self.assertNotIn(text, output)

    def test_the_name_is_used_in_another_region(self):
        # "IAM user, group, role, and policy names must be unique within the account." CreateRole, RoleName,
        # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
        iam = self.sandbox.aws.client("iam")
        s3 = boto3.client("s3", region_name="us-east-2", endpoint_url=self.sandbox.aws.url)
        bucket = "vitrine-state-123456789012-us-east-2"
        iam.create_role(RoleName="vitrine-web", AssumeRolePolicyDocument="{}")
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "us-east-2"})
        status, output = self.sandbox.operate("deploy")
        self.assertEqual(status, 1, output)
        self.assertIn("already has a deployment named vitrine in us-east-2: the IAM role vitrine-web exists", output)
        self.assertIn("Choose another name with DEPLOYMENT", output)
        self.assertEqual([found["Name"] for found in s3.list_buckets()["Buckets"]], [bucket])
        self.assertEqual(self.sandbox.take_calls(), [])

    def test_variables_do_not_pass_validation(self):
        self.sandbox.write_variables(admin_cidrs=None)
        self.assert_refused("shell_access = \"bastion\" needs admin_cidrs", "terraform/vitrine.tfvars")
        self.sandbox.write_variables()
        self.assert_refused("admin_password must have at least 12 characters", TF_VAR_admin_password="short")
        self.sandbox.write_variables(databse={"multi_az": False})
        self.assert_refused("sets unknown variables: databse")
        self.sandbox.write_variables(captioner="gemini")
        self.assert_refused("needs a key: set GEMINI_API_KEY")

    def test_variables_do_not_pass_the_rules_of_a_module(self):
        # "Amazon EC2 supports 2048-bit SSH-2 RSA keys for Linux and Windows instances. Amazon EC2 also
        # supports ED25519 keys for Linux instances." Create a key pair for your Amazon EC2 instance,
        # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/create-key-pairs.html
        self.sandbox.write_variables(ssh_public_key="ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY= a@b")
        self.assert_rule("EC2 supports ssh-ed25519 and ssh-rsa.")
        # "Database Insights isn't supported for the following instance classes: db.t2.micro, db.t2.small,
        # db.t3.micro, db.t3.small, db.t4g.micro, db.t4g.small" (RDS for MySQL). Amazon RDS DB engine,
        # Region, and instance class support for Database Insights,
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_DatabaseInsights.Engines.html
        self.sandbox.write_variables(database={"engine": "mysql"})
        self.assert_rule("Performance Insights does not support MySQL on instances smaller than medium")
        self.sandbox.write_variables(functions={"annotate": {"memory": 1}})
        self.assert_rule("memory must be between 128 and 10240 MiB.")

    def assert_rule(self, expected):
        """Like assert_refused, for a message that Terraform breaks into lines."""
        output = self.assert_refused("Correct terraform/vitrine.tfvars")
        self.assertIn(expected, " ".join(output.split()))

    def test_an_ecdsa_key_is_not_offered(self):
        (self.sandbox.checkout / "terraform" / "vitrine.tfvars").unlink()
        keys = self.sandbox.folder / ".ssh"
        keys.mkdir()
        self.addCleanup(shutil.rmtree, keys)
        (keys / "id_ecdsa.pub").write_text("ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY= a@b\n")
        output = self.assert_refused("there is no terminal to ask")
        self.assertNotIn("ecdsa", output)

    def test_reserved_variables_are_in_the_file(self):
        for name in ("admin_password", "name", "image"):
            with self.subTest(name):
                self.sandbox.write_variables(**{name: "something"})
                self.assert_refused(f"vitrine.tfvars sets {name}")

    def test_questions_without_a_terminal(self):
        (self.sandbox.checkout / "terraform" / "vitrine.tfvars").unlink()
        self.assert_refused("there is no terminal to ask", 'region = "eu-west-1"', 'captioner = "describe"', 'admin_cidrs    = ["203.0.113.7/32"]')
        self.sandbox.write_variables()
        self.assert_refused("The deployment vitrine in account 123456789012, region eu-west-1 does not exist", "Set YES=1 to answer yes", YES=None)

    def test_deployment_does_not_exist(self):
        for command in ("ssh", "logs", "redrive"):
            with self.subTest(command):
                self.assert_refused("There is no deployment vitrine in account 123456789012, region eu-west-1", command=command)
        self.assert_refused("There is no deployment vitrine", command="destroy")

    def test_dialogue_at_a_terminal(self):
        (self.sandbox.checkout / "terraform" / "vitrine.tfvars").unlink()
        keys = self.sandbox.folder / ".ssh"
        keys.mkdir(exist_ok=True)
        (keys / "id_ed25519.pub").write_text(DEFAULTS["ssh_public_key"] + "\n")
        self.addCleanup(shutil.rmtree, keys)
        output = self.at_a_terminal(
            [("Addresses: ", "203.0.113.7/33"), ("Addresses: ", "203.0.113.7, 198.51.100.0/24"), ("Create it? [y/N] ", "n")]
        )
        self.assertIn("Cancelled.", output)
        self.assertIn("Example: 203.0.113.7/32", output)
        self.assertIn("as arn:aws:sts::123456789012:", output)
        written = (self.sandbox.checkout / "terraform" / "vitrine.tfvars").read_text()
        self.assertIn('admin_cidrs    = ["203.0.113.7/32", "198.51.100.0/24"]', written)
        self.assertIn(DEFAULTS["ssh_public_key"], written)
        self.assertEqual(self.sandbox.aws.client("s3").list_buckets()["Buckets"], [])
        # The saved answers are not asked for again. Typed passwords are not shown.
        password = "quite a long password"
        output = self.at_a_terminal(
            [("Create it? [y/N] ", "y"), ("Password: ", "short"), ("Password: ", password), ("Repeat: ", "another")],
            interrupt_at="Password: ", TF_VAR_admin_password=None,
        )
        self.assertNotIn("Addresses", output)
        self.assertIn("The password must have at least 12 characters.", output)
        self.assertIn("The two entries differ.", output)
        self.assertNotIn(password, output)
        self.assertEqual(self.sandbox.aws.client("s3").list_buckets()["Buckets"], [])

    def at_a_terminal(self, dialogue, interrupt_at=None, **environment):
        """Runs deploy at a terminal and types each answer after its question, and control-C after
        `interrupt_at`. Returns the output."""
        command = [self.sandbox.checkout / "terraform" / "operate", "deploy"]
        terminal = Terminal(command, 600, self.sandbox.environment(YES=None, **environment))
        self.addCleanup(terminal.close)
        for question, answer in [*dialogue, *([(interrupt_at, "\x03")] if interrupt_at else [])]:
            self.assertTrue(terminal.read_until(question), f"{question!r} is not in {terminal.output}")
            terminal.write(answer + "\n")
        terminal.rest()
        return terminal.output

    def test_every_variable_is_documented(self):
        documentation = (REPOSITORY / "docs" / "operations.md").read_text()
        for variable in VARIABLES:
            self.assertRegex(documentation, rf"`{variable}[=`]", f"{variable} is not documented")


class EnvironmentVariables(unittest.TestCase):
    def test_list_of_variables_is_complete(self):
        read = set()
        for path in (TERRAFORM / "operations").glob("*.py"):
            read |= set(re.findall(r'environ\.get\("([A-Z_]+)"', path.read_text()))
        others = {"AWS_REGION", "CARGO_TARGET_DIR", "GEMINI_API_KEY", "TERRAFORM", "DOCKER_HOST"}
        self.assertEqual(read, VARIABLES | others)


if __name__ == "__main__":
    unittest.main()
