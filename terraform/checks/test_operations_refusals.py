"""make deploy, destroy, logs and the others say what is missing before anything is made."""

import os
import pty
import re
import shutil
import subprocess
import time
import unittest
from pathlib import Path

from support import DEFAULTS
from world import REAL_TERRAFORM, World

# What the commands can be told by the environment.
VARIABLES = {
    "ALL", "CONFIRM", "DEPLOYMENT", "FILTER", "FOLLOW", "FUNCTION", "IMAGE", "INSTANCE", "SINCE", "UNLOCK", "WAIT_MINUTES", "YES",
}


def setUpModule():
    prepare_library()


def prepare_library():
    """Has the program install its library once, where all worlds find it."""
    operate = Path(__file__).resolve().parent.parent / "operate"
    answer = subprocess.run([operate], capture_output=True, text=True, timeout=300)
    assert "operate knows deploy" in answer.stderr, answer.stdout + answer.stderr


@unittest.skipUnless(REAL_TERRAFORM, "terraform is not installed")
class Refusals(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World()
        cls.addClassCleanup(cls.world.stop)

    def setUp(self):
        self.world.aws.refusal = None
        self.world.write_variables()

    def refused(self, *expected, command="deploy", **environment):
        """The command says this, shows no traceback, and nothing was made in AWS or called."""
        code, output = self.world.operate(command, **environment)
        self.assertEqual(code, 1, output)
        for text in expected:
            self.assertIn(text, output)
        self.assertNotIn("Traceback", output)
        self.world.aws.refusal = None
        self.assertEqual(self.world.aws.client("s3").list_buckets()["Buckets"], [])
        self.assertEqual(self.world.aws.client("ecr").describe_repositories()["repositories"], [])
        called = {line for line in self.world.record() if line != "docker version"}
        self.assertEqual(called, set())
        return output

    def test_no_terraform(self):
        tools = self.world.folder / "without-terraform"
        shutil.rmtree(tools, ignore_errors=True)
        tools.mkdir()
        for name in ("bash", "cmp", "dirname", "env"):
            (tools / name).symlink_to(shutil.which(name))
        self.refused("Terraform is not installed", "1.11", "https://developer.hashicorp.com/terraform/install", PATH=str(tools))

    def test_an_old_terraform(self):
        self.refused("Terraform is 1.9.8, and 1.11 or newer is needed", TERRAFORM_VERSION="1.9.8")

    def test_no_region(self):
        self.refused("No AWS region is set", "AWS_REGION=", AWS_REGION=None, AWS_DEFAULT_REGION=None)

    def test_another_region_than_the_variables_say(self):
        self.world.write_variables(region="eu-central-1")
        self.refused("vitrine.tfvars says region eu-central-1, and the environment says eu-west-1")

    def test_no_credentials(self):
        output = self.refused(
            "There are no credentials for AWS", "aws configure", "AWS_PROFILE", AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None
        )
        self.assertEqual(output.count("credentials for AWS"), 1)

    def test_a_profile_that_is_not_there(self):
        self.refused("The config profile (nobody) could not be found", AWS_PROFILE="nobody")

    def test_credentials_that_have_expired_or_never_were(self):
        for code, expected in (("ExpiredToken", "have expired"), ("InvalidClientTokenId", "does not know these credentials")):
            self.world.aws.refusal = f"<ErrorResponse><Error><Code>{code}</Code><Message>No.</Message></Error></ErrorResponse>"
            with self.subTest(code):
                self.refused(expected, "aws configure", "AWS_PROFILE")

    def test_no_docker_and_no_engine(self):
        (self.world.tools / "docker").rename(self.world.folder / "docker")
        try:
            # Where the system has one, it is out of the way: only what is needed is on the PATH.
            tools = self.world.folder / "without-docker"
            shutil.rmtree(tools, ignore_errors=True)
            tools.mkdir()
            for name in ("bash", "sh", "cmp", "dirname", "env", "git", "make", "cp", "mkdir"):
                (tools / name).symlink_to(shutil.which(name))
            self.refused(
                "Docker is not installed", "IMAGE=", PATH=f"{self.world.tools}:{tools}",
            )
        finally:
            (self.world.folder / "docker").rename(self.world.tools / "docker")
        (self.world.folder / "no-engine").touch()
        try:
            self.refused("Docker's engine does not answer", "Cannot connect to the Docker daemon")
        finally:
            (self.world.folder / "no-engine").unlink()

    def test_an_image_that_is_not_named_by_digest(self):
        self.refused("is not an image by digest", IMAGE="vitrine:latest")
        mine = DEFAULTS["image"].split("@")[0]
        self.refused("The registry has no image sha256:1111", IMAGE=f"{mine}@sha256:{'1' * 64}")

    def test_a_name_that_terraform_would_not_take(self):
        self.refused("DEPLOYMENT=My_Photos is no name", DEPLOYMENT="My_Photos")

    def test_what_terraform_says_of_the_variables(self):
        self.world.write_variables(admin_cidrs=None)
        self.refused("A bastion needs admin_cidrs", "terraform/vitrine.tfvars")
        self.world.write_variables()
        self.refused("admin_password has 12 characters or more", TF_VAR_admin_password="short")
        self.world.write_variables(databse={"multi_az": False})
        self.refused("sets databse, and there is no such variable")
        self.world.write_variables(captioner="gemini")
        self.refused("needs a key: set GEMINI_API_KEY")

    def test_secrets_and_names_in_the_file(self):
        for name in ("admin_password", "name", "image"):
            with self.subTest(name):
                self.world.write_variables(**{name: "something"})
                self.refused(f"vitrine.tfvars sets {name}")

    def test_nobody_to_ask(self):
        (self.world.checkout / "terraform" / "vitrine.tfvars").unlink()
        self.refused("nobody to ask", 'region = "eu-west-1"', 'captioner = "describe"', 'admin_cidrs    = ["203.0.113.7/32"]')
        self.world.write_variables()
        self.refused("There is no vitrine in account 123456789012, region eu-west-1 yet", "YES=1 says yes", YES=None)

    def test_the_other_commands_without_a_deployment(self):
        for command in ("ssh", "logs", "redrive"):
            with self.subTest(command):
                self.refused("There is no deployment vitrine in account 123456789012, region eu-west-1", command=command)
        self.refused("There is no deployment vitrine", command="destroy")

    def test_at_a_terminal_it_asks_and_takes_no_for_an_answer(self):
        (self.world.checkout / "terraform" / "vitrine.tfvars").unlink()
        keys = self.world.folder / ".ssh"
        keys.mkdir(exist_ok=True)
        (keys / "id_ed25519.pub").write_text(DEFAULTS["ssh_public_key"] + "\n")
        self.addCleanup(shutil.rmtree, keys)
        output = self.at_a_terminal(
            [("Addresses: ", "203.0.113.7/33"), ("Addresses: ", "203.0.113.7, 198.51.100.0/24"), ("Shall it be made? [y/N] ", "n")]
        )
        self.assertIn("Nothing more is done.", output)
        self.assertIn("An example is 203.0.113.7/32", output)
        self.assertIn("as arn:aws:sts::123456789012:", output)
        written = (self.world.checkout / "terraform" / "vitrine.tfvars").read_text()
        self.assertIn('admin_cidrs    = ["203.0.113.7/32", "198.51.100.0/24"]', written)
        self.assertIn(DEFAULTS["ssh_public_key"], written)
        self.assertEqual(self.world.aws.client("s3").list_buckets()["Buckets"], [])
        # What was said is not asked again; a password that is typed is not shown.
        password = "quite a long password"
        output = self.at_a_terminal(
            [("made? [y/N] ", "y"), ("Password: ", "short"), ("Password: ", password), ("The same again: ", "another")],
            then="Password: ", TF_VAR_admin_password=None,
        )
        self.assertNotIn("Addresses", output)
        self.assertIn("A password has 12 characters or more.", output)
        self.assertIn("Those were not the same.", output)
        self.assertNotIn(password, output)
        self.assertEqual(self.world.aws.client("s3").list_buckets()["Buckets"], [])

    def at_a_terminal(self, dialogue, then=None, **environment):
        """Runs deploy at a terminal, and types each answer when its question is there. After `then`,
        somebody presses control and C."""
        pid, terminal = pty.fork()
        if pid == 0:
            env = self.world.environment(YES=None, **environment)
            os.execve(self.world.checkout / "terraform" / "operate", ["operate", "deploy"], env)
        output, place = "", 0
        pending = [*dialogue, *([(then, "\x03")] if then else [])]
        limit = time.monotonic() + 60
        while time.monotonic() < limit:
            try:
                output += os.read(terminal, 4096).decode().replace("\r\n", "\n")
            except OSError:
                break
            while pending and (found := output.find(pending[0][0], place)) >= 0:
                place = found + len(pending[0][0])
                os.write(terminal, (pending.pop(0)[1] + "\n").encode())
        os.close(terminal)
        os.waitpid(pid, 0)
        self.assertEqual(pending, [], output)
        return output

    def test_every_variable_is_in_the_documentation(self):
        documentation = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text()
        for variable in VARIABLES:
            self.assertRegex(documentation, rf"`{variable}[=`]", f"{variable} is not documented")


class EveryVariable(unittest.TestCase):
    def test_none_is_read_that_is_not_listed(self):
        """So that the list above is whole."""
        folder = Path(__file__).resolve().parent.parent / "operations"
        read = set()
        for path in folder.glob("*.py"):
            read |= set(re.findall(r'environ\.get\("([A-Z_]+)"', path.read_text()))
        others = {"AWS_REGION", "CARGO_TARGET_DIR", "GEMINI_API_KEY", "TERRAFORM", "DOCKER_HOST"}
        self.assertEqual(read, VARIABLES | others)


if __name__ == "__main__":
    unittest.main()
