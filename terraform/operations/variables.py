"""The variables of a deployment: terraform/DEPLOYMENT.tfvars, with a copy in the state bucket.

The operator owns the file; Git ignores it. The copy lets `make deploy` run from another checkout
or by a colleague with the same variables.
"""

import difflib
import ipaddress
import json
import os
import re
import shutil
from pathlib import Path

from operations.console import CommandError, interactive, prompt, say
from operations.deployment import TERRAFORM, Deployment, deployment_name
from operations.rules import write_rules
from operations.state import read_object, write_object
from operations.tools import Terraform

# Set by these commands, or secret and therefore taken from the environment.
RESERVED = ("name", "image", "functions_directory", "take_over_pictures", "admin_password", "gemini_api_key", "openai_api_key")
# A value for secrets that passes validation.
PLACEHOLDER = "placeholder-secret"

INPUTS_OUTPUT = """\
output "inputs" {
  value = {
    region          = var.region
    captioner       = var.captioner
    shell_access    = var.shell_access
    domain          = var.domain
    secret_versions = var.secret_versions
    web             = var.web
    database        = var.database
    network         = var.network
    functions       = local.functions
    zones           = var.zones
  }
}
"""

TEMPLATE = """\
# Variables of the deployment "{name}". make deploy wrote this file and keeps a copy beside Terraform's
# state. To change it, edit it here and run make deploy again. variables.tf and sizes.tf list all
# variables; docs/operations.md shows a small, a default and a large deployment.

region = "{region}"

# "gemini" sends pictures with anonymised faces to Google and needs GEMINI_API_KEY at the first
# deploy; "openai" sends them to the server in the variable openai and needs OPENAI_API_KEY; "describe"
# works without AI and sends no data.
captioner = "{captioner}"

{shells}
"""
BASTION = """\
# Shells: by SSH through a bastion that only these addresses can reach.
shell_access   = "bastion"
admin_cidrs    = {cidrs}
ssh_public_key = "{key}"
"""
SESSION_MANAGER = """\
# Shells: through Session Manager, without an open port. "bastion" needs admin_cidrs and ssh_public_key.
shell_access = "session_manager"
"""


def open_deployment():
    """The deployment that DEPLOYMENT names, and its variables."""
    variables = Variables(deployment_name())
    return Deployment(variables.name, variables.region()), variables


class Variables:
    def __init__(self, name):
        self.name = name
        self.file = TERRAFORM / f"{name}.tfvars"

    @property
    def key(self):
        return self.file.name

    def region(self):
        """The region in the file, which is needed before Terraform can evaluate it."""
        found = re.search(r'^region\s*=\s*"([a-z0-9-]+)"', self.text(), re.MULTILINE)
        return found[1] if found else None

    def text(self):
        return self.file.read_text() if self.file.exists() else ""

    def load(self, deployment, create):
        """Makes sure that the file exists: uses the one in the checkout, else the copy in the state
        bucket, else (with `create`) writes a new one from the operator's answers."""
        saved = read_object(deployment, self.key)
        if self.file.exists():
            self.show_difference(saved)
        elif saved is not None:
            self.file.write_bytes(saved)
            say(f"terraform/{self.key} was downloaded from s3://{deployment.state_bucket}: it is the one of the last deploy.")
        elif create:
            self.file.write_text(self.initial_content(deployment))
            say(f"The answers are saved in terraform/{self.key}.")
        else:
            raise CommandError(f"terraform/{self.key} exists neither here nor in s3://{deployment.state_bucket}.")
        for name in RESERVED:
            if re.search(rf"^{name}\s*=", self.text(), re.MULTILINE):
                raise CommandError(f"terraform/{self.key} sets {name}. {self.reserved_hint(name)}")

    @staticmethod
    def reserved_hint(name):
        if name == "name":
            return "DEPLOYMENT=… sets the name of a deployment, and its file is terraform/DEPLOYMENT.tfvars."
        if name == "image":
            return "IMAGE=…@sha256:… selects an image; without it, the image is built."
        if name == "functions_directory":
            return "It is derived from CARGO_TARGET_DIR."
        if name == "take_over_pictures":
            return "make deploy detects an existing bucket."
        return f"Secrets must not be stored in files: remove it, redeployment the secret, and set TF_VAR_{name}."

    def show_difference(self, saved):
        if saved is None or saved == self.file.read_bytes():
            return
        say(f"terraform/{self.key} has changed since the last deploy (- then, + now):")
        for line in difflib.unified_diff(saved.decode().splitlines(), self.text().splitlines(), lineterm="", n=0):
            if not line.startswith(("---", "+++", "@@")):
                say(f"  {line}")

    def save_copy(self, deployment):
        if read_object(deployment, self.key) != self.file.read_bytes():
            write_object(deployment, self.key, self.file.read_bytes())

    def initial_content(self, deployment):
        captioner = "gemini" if os.environ.get("GEMINI_API_KEY") or os.environ.get("TF_VAR_gemini_api_key") else "describe"
        key = public_key()
        if not interactive():
            raise CommandError(
                f"The deployment {deployment} does not exist, and there is no terminal to ask for its variables. Write terraform/{self.key} first, for example\n\n"
                + TEMPLATE.format(
                    name=self.name, region=deployment.region, captioner=captioner,
                    shells=BASTION.format(cidrs='["203.0.113.7/32"]', key=key or "ssh-ed25519 AAAA…"),
                )
            )
        cidrs = prompt_for_addresses() if key else []
        if not key:
            say("~/.ssh/id_ed25519.pub does not exist, so no bastion is created.")
        shells = BASTION.format(cidrs=json.dumps(cidrs), key=key) if cidrs else SESSION_MANAGER
        return TEMPLATE.format(name=self.name, region=deployment.region, captioner=captioner, shells=shells)

    def arguments(self, deployment, image, functions):
        """The arguments that every plan, import and destroy needs."""
        return [
            f"-var-file={self.file}",
            f"-var=name={self.name}",
            f"-var=region={deployment.region}",
            f"-var=image={image}",
            f"-var=functions_directory={functions}",
        ]

    def evaluate(self, deployment, secrets):
        """The values with Terraform's defaults, after the rules of all modules."""
        folder = deployment.work / "inputs"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        write_rules(folder)
        (folder / "inputs.tf").write_text(INPUTS_OUTPUT)
        terraform = Terraform(deployment, folder)
        # These arguments, such as -redeployment, are for the plan of the root module.
        terraform.env.pop("TF_CLI_ARGS_plan", None)
        # Only links the modules: there is no provider and no backend.
        terraform.read("init", "-no-color")
        plan = folder / "plan"
        code, output = terraform.read(
            "plan", "-no-color", f"-out={plan}", *self.arguments(deployment, "unknown", "unknown"),
            secrets={f"TF_VAR_{name}": value or PLACEHOLDER for name, value in secrets.items()},
        )
        if code != 0:
            message = output[output.find("Error:"):].strip()
            raise CommandError(f"{message}\n\nCorrect terraform/{self.key} or the environment.")
        # Terraform only warns about these.
        if unknown := re.findall(r'does not declare a\s+variable\s+named "(\w+)"', output):
            raise CommandError(f"terraform/{self.key} sets unknown variables: {', '.join(unknown)}. variables.tf and sizes.tf list the variables.")
        _, shown = terraform.read("show", "-json", str(plan))
        return json.loads(shown[shown.index("{"):])["planned_values"]["outputs"]["inputs"]["value"]


def public_key():
    # EC2 supports no others.
    for kind in ("ed25519", "rsa"):
        file = Path.home() / ".ssh" / f"id_{kind}.pub"
        if file.exists():
            return file.read_text().strip()
    return None


def prompt_for_addresses():
    say(
        "From which addresses do administrators reach the bastion by SSH? Enter IPv4 ranges, separated by\n"
        "commas, for example 203.0.113.7/32; https://checkip.amazonaws.com shows yours. Leave it empty for no\n"
        "bastion: shells then use Session Manager."
    )
    while True:
        answer = [part for part in re.split(r"[,\s]+", prompt("Addresses: ")) if part]
        try:
            return [str(ipaddress.IPv4Network(part)) for part in answer]
        except ValueError as error:
            say(f"{error}. Example: 203.0.113.7/32.")
