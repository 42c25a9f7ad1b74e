"""The programs that are called: Terraform, Docker, make."""

import json
import os
import shutil
import signal
import subprocess

from operations.console import Stop
from operations.place import ROOT, TARGET, TERRAFORM

# Functions and web image are for the processors that Terraform asks for.
ARCHITECTURE = "arm64"
OLDEST_TERRAFORM = (1, 11)


def run(command, env=None, **options):
    """Runs a program to its end. An interrupt is for that program, which then cleans up: Terraform
    writes the state down and gives the lock back, for which it has to live."""
    process = subprocess.Popen(command, env=env, **options)
    pass_on = {
        # From the terminal, everybody gets it.
        signal.SIGINT: lambda *_: None,
        signal.SIGTERM: lambda *_: process.send_signal(signal.SIGINT),
    }
    before = {number: signal.signal(number, handler) for number, handler in pass_on.items()}
    try:
        output, _ = process.communicate()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return process.returncode, output


def terraform_command():
    """TERRAFORM names another program."""
    return os.environ.get("TERRAFORM") or "terraform"


class Terraform:
    """Terraform for one deployment, in one of its folders."""

    def __init__(self, place, folder=TERRAFORM):
        self.command = terraform_command()
        self.folder = folder
        self.env = os.environ | {
            "AWS_REGION": place.region,
            "TF_DATA_DIR": str(place.work / f"terraform-{folder.name}"),
            "TF_IN_AUTOMATION": "1",
            "TF_INPUT": "0",
        }

    def __call__(self, *arguments, doing, secrets=None, good=(0,)):
        """Runs a command, whose output is for the person at the terminal; its exit status. Secrets go
        by the environment."""
        code, _ = run([self.command, f"-chdir={self.folder}", *arguments], self.env | (secrets or {}))
        if code not in good:
            raise Stop(f"{doing} did not work; Terraform says why above.")
        return code

    def read(self, *arguments, secrets=None):
        """Runs a command, for its exit status and all that it says."""
        return run(
            [self.command, f"-chdir={self.folder}", *arguments], self.env | (secrets or {}),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )


def require_terraform():
    command = terraform_command()
    wanted = ".".join(map(str, OLDEST_TERRAFORM))
    where = "https://developer.hashicorp.com/terraform/install"
    if not shutil.which(command):
        raise Stop(f"Terraform is not installed: version {wanted} or newer is needed, from {where}")
    answer = subprocess.run([command, "version", "-json"], capture_output=True, text=True)
    try:
        version = json.loads(answer.stdout)["terraform_version"]
    except (ValueError, KeyError):
        raise Stop(f"{command} does not say what version it is:\n{answer.stdout}{answer.stderr}") from None
    if tuple(int(part) for part in version.split("-")[0].split(".")[:2]) < OLDEST_TERRAFORM:
        raise Stop(f"Terraform is {version}, and {wanted} or newer is needed, from {where}")


def require_docker():
    if not shutil.which("docker"):
        raise Stop(
            "Docker is not installed, and the web image has to be built: https://docs.docker.com/engine/install/\n"
            "Where an image is in the registry already, make deploy IMAGE=…@sha256:… needs no Docker."
        )
    answer = subprocess.run(["docker", "version", "--format", "{{.Server.Version}}"], capture_output=True, text=True)
    if answer.returncode != 0:
        raise Stop(
            f"Docker's engine does not answer, and the web image has to be built: {answer.stderr.strip()}\n"
            "Start it (Docker Desktop, or systemctl start docker as root), or see whether you may use it."
        )


def make(goal, **variables):
    """Another command of the Makefile. What this one was told is not meant for it."""
    environment = {
        name: value for name, value in os.environ.items() if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES")
    }
    arguments = [f"{name}={value}" for name, value in variables.items()]
    code, _ = run(["make", "--no-print-directory", goal, *arguments], environment, cwd=ROOT)
    if code != 0:
        raise Stop(f"make {goal} did not work; it says why above.")


def functions_directory():
    """Where `make functions` leaves its archives, as Terraform sees it. Relative, because the state
    keeps it, and another checkout is somewhere else."""
    return os.path.relpath(TARGET / "lambda", TERRAFORM)
