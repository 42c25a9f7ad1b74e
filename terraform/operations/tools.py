"""Runs external programs: Terraform, Docker, make."""

import json
import os
import shutil
import signal
import subprocess

from operations.console import CommandError
from operations.deployment import ROOT, TARGET, TERRAFORM

# The processor of the functions and the web instances, as Terraform configures them.
ARCHITECTURE = "arm64"
MINIMUM_TERRAFORM = (1, 11)


def run(command, env=None, **options):
    """Runs a program to its end; returns its exit status and its output. Interrupts are left to that
    program: Terraform has to write its state and release the lock before it ends."""
    process, interrupted = None, False

    def forward(*_):
        nonlocal interrupted
        if process is None:
            interrupted = True
        else:
            process.send_signal(signal.SIGINT)

    # The terminal sends SIGINT to the whole process group, so it is not forwarded. Handlers are set
    # before the program starts: it then has the default actions, even if this process was started
    # with signals ignored, as by nohup.
    handlers = {signal.SIGINT: lambda *_: None, signal.SIGTERM: forward}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        process = subprocess.Popen(command, env=env, **options)
        if interrupted:
            # It came while the program was started. Not sent twice: that would kill Terraform.
            process.send_signal(signal.SIGINT)
        output, _ = process.communicate()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return process.returncode, output


def terraform_command():
    """The value of TERRAFORM, which can name another program."""
    return os.environ.get("TERRAFORM") or "terraform"


class Terraform:
    """Runs Terraform in one folder for one deployment."""

    def __init__(self, deployment, folder=TERRAFORM):
        self.command = terraform_command()
        self.folder = folder
        self.env = os.environ | {
            "AWS_REGION": deployment.region,
            "TF_DATA_DIR": str(deployment.work / f"terraform-{folder.name}"),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
        }

    def __call__(self, *arguments, task, secrets=None, success=(0,)):
        """Runs a command with its output on the terminal; returns the exit status. Secrets are passed
        in the environment."""
        code, _ = run([self.command, f"-chdir={self.folder}", *arguments], self.env | (secrets or {}))
        if code not in success:
            raise CommandError(f"{task} failed; see Terraform's output above.")
        return code

    def read(self, *arguments, secrets=None):
        """Runs a command; returns its exit status and its output."""
        return run(
            [self.command, f"-chdir={self.folder}", *arguments], self.env | (secrets or {}),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )


def require_terraform():
    command = terraform_command()
    minimum = ".".join(map(str, MINIMUM_TERRAFORM))
    url = "https://developer.hashicorp.com/terraform/install"
    if not shutil.which(command):
        raise CommandError(f"Terraform is not installed: version {minimum} or newer is required: {url}")
    result = subprocess.run([command, "version", "-json"], capture_output=True, text=True)
    try:
        version = json.loads(result.stdout)["terraform_version"]
    except (ValueError, KeyError):
        raise CommandError(f"{command} does not report its version:\n{result.stdout}{result.stderr}") from None
    if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < MINIMUM_TERRAFORM:
        raise CommandError(f"Terraform {version} is installed; {minimum} or newer is required: {url}")


def require_docker():
    if not shutil.which("docker"):
        raise CommandError(
            "Docker is not installed. It is required to build the web image: https://docs.docker.com/engine/install/\n"
            "make deploy IMAGE=…@sha256:… deploys an existing image without Docker."
        )
    result = subprocess.run(["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True)
    if result.returncode != 0:
        raise CommandError(
            f"The Docker engine does not answer. It is required to build the web image: {result.stderr.strip()}\n"
            "Start it (Docker Desktop, or systemctl start docker as root), or check that you have access to it."
        )


def make(goal, **variables):
    """Runs another make goal, without the flags and variables of the calling make."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
    }
    arguments = [f"{name}={value}" for name, value in variables.items()]
    code, _ = run(["make", "--no-print-directory", goal, *arguments], environment, cwd=ROOT)
    if code != 0:
        raise CommandError(f"make {goal} failed; see its output above.")


def functions_directory():
    """The output folder of `make functions`, relative to Terraform's: the state stores the path, and
    other checkouts have other absolute paths."""
    return os.path.relpath(TARGET / "lambda", TERRAFORM)
