"""What a deployment is made of: one file, terraform/DEPLOYMENT.tfvars, with a copy beside the state.

The file is the operator's and in no repository. The copy lets a second `make deploy`, from another
checkout or by a colleague, do the same as the first.
"""

import difflib
import ipaddress
import json
import os
import re
import shutil
from pathlib import Path

from operations.console import Stop, ask, interactive, say
from operations.place import TERRAFORM, Place, deployment_name
from operations.state import read_object, write_object
from operations.tools import Terraform

# What this program itself says, or takes from the environment because it is secret.
NOT_IN_THE_FILE = ("name", "image", "functions_directory", "take_over_pictures", "admin_password", "gemini_api_key")
# In the place of secrets where only the rules for variables are looked at.
PLACEHOLDER = "stands-for-a-secret"

ASKED_FOR = """\
output "inputs" {
  value = {
    region          = var.region
    captioner       = var.captioner
    shell_access    = var.shell_access
    domain          = var.domain
    secret_versions = var.secret_versions
  }
}
"""

TEMPLATE = """\
# What the deployment "{name}" is made of. make deploy wrote this and keeps a copy beside Terraform's
# state. Change it here, then make deploy again. variables.tf and sizes.tf list all that can be said;
# docs/operations.md has a small, a normal and a large deployment.

region = "{region}"

# "gemini" sends pictures to Google, with faces made unrecognisable, and needs GEMINI_API_KEY at the
# first deploy; "describe" works without AI and sends nothing anywhere.
captioner = "{captioner}"

{shells}
"""
BASTION = """\
# Shells: by SSH through a bastion, which only these addresses reach.
shell_access   = "bastion"
admin_cidrs    = {cidrs}
ssh_public_key = "{key}"
"""
SESSION_MANAGER = """\
# Shells: through Session Manager, without an open port. "bastion" wants admin_cidrs and ssh_public_key.
shell_access = "session_manager"
"""


def settle():
    """The deployment that is meant, in its account and region, and what it is made of."""
    variables = Variables(deployment_name())
    return Place(variables.name, variables.stated_region()), variables


class Variables:
    def __init__(self, name):
        self.name = name
        self.file = TERRAFORM / f"{name}.tfvars"

    @property
    def key(self):
        return self.file.name

    def stated_region(self):
        """The region in the file, which has to be known before anything can be looked up."""
        found = re.search(r'^region\s*=\s*"([a-z0-9-]+)"', self.text(), re.MULTILINE)
        return found[1] if found else None

    def text(self):
        return self.file.read_text() if self.file.exists() else ""

    def bring(self, place, may_write):
        """Sees to it that the file is there: from the checkout, else from beside the state, else
        written with the answers of whoever deploys."""
        kept = read_object(place, self.key)
        if self.file.exists():
            self.show_difference(kept)
        elif kept is not None:
            self.file.write_bytes(kept)
            say(f"terraform/{self.key} comes from s3://{place.state_bucket}: it is that of the last deploy.")
        elif may_write:
            self.file.write_text(self.first(place))
            say(f"What was said is written down in terraform/{self.key}.")
        else:
            raise Stop(f"There is no terraform/{self.key}, neither here nor in s3://{place.state_bucket}.")
        for name in NOT_IN_THE_FILE:
            if re.search(rf"^{name}\s*=", self.text(), re.MULTILINE):
                raise Stop(f"terraform/{self.key} sets {name}. {self.where_else(name)}")

    @staticmethod
    def where_else(name):
        if name == "name":
            return "The name of a deployment is chosen with DEPLOYMENT=…, and its file is terraform/DEPLOYMENT.tfvars."
        if name == "image":
            return "An image is chosen with IMAGE=…@sha256:…; without that, it is built."
        if name == "functions_directory":
            return "It follows from CARGO_TARGET_DIR."
        if name == "take_over_pictures":
            return "make deploy sees whether the bucket is there."
        return f"A secret belongs into no file: take it out, change it, and set TF_VAR_{name}."

    def show_difference(self, kept):
        if kept is None or kept == self.file.read_bytes():
            return
        say(f"terraform/{self.key} is not as at the last deploy (- then, + now):")
        for line in difflib.unified_diff(kept.decode().splitlines(), self.text().splitlines(), lineterm="", n=0):
            if not line.startswith(("---", "+++", "@@")):
                say(f"  {line}")

    def keep(self, place):
        if read_object(place, self.key) != self.file.read_bytes():
            write_object(place, self.key, self.file.read_bytes())

    def first(self, place):
        captioner = "gemini" if os.environ.get("GEMINI_API_KEY") or os.environ.get("TF_VAR_gemini_api_key") else "describe"
        key = public_key()
        if not interactive():
            raise Stop(
                f"There is no deployment {place} yet, and nobody to ask what it should be. Write terraform/{self.key} first, as in\n\n"
                + TEMPLATE.format(
                    name=self.name, region=place.region, captioner=captioner,
                    shells=BASTION.format(cidrs='["203.0.113.7/32"]', key=key or "ssh-ed25519 AAAA…"),
                )
            )
        cidrs = ask_for_addresses() if key else []
        if not key:
            say("There is no ~/.ssh/id_ed25519.pub, so there will be no bastion.")
        shells = BASTION.format(cidrs=json.dumps(cidrs), key=key) if cidrs else SESSION_MANAGER
        return TEMPLATE.format(name=self.name, region=place.region, captioner=captioner, shells=shells)

    def arguments(self, place, image, functions):
        """What Terraform has to be told at every plan, import and destroy."""
        return [
            f"-var-file={self.file}",
            f"-var=name={self.name}",
            f"-var=region={place.region}",
            f"-var=image={image}",
            f"-var=functions_directory={functions}",
        ]

    def evaluate(self, place, secrets):
        """The values as Terraform sees them, with its defaults, after its own rules. Done with the
        variables alone, so that a mistake shows before anything is built."""
        folder = place.work / "inputs"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for file in ("variables.tf", "sizes.tf"):
            shutil.copy(TERRAFORM / file, folder)
        (folder / "inputs.tf").write_text(ASKED_FOR)
        terraform = Terraform(place, folder)
        # Meant for the plan of the whole, as -replace is.
        terraform.env.pop("TF_CLI_ARGS_plan", None)
        plan = folder / "plan"
        code, output = terraform.read(
            "plan", "-no-color", f"-out={plan}", *self.arguments(place, "not-known-yet", "not-known-yet"),
            secrets={f"TF_VAR_{name}": secrets.get(name) or PLACEHOLDER for name in ("admin_password", "gemini_api_key")},
        )
        if code != 0:
            complaint = output[output.find("Error:"):].strip()
            raise Stop(f"{complaint}\n\nterraform/{self.key} or the environment has to say something else.")
        # Terraform only warns of these, below everything else.
        if unknown := re.findall(r'does not declare a\s+variable\s+named "(\w+)"', output):
            raise Stop(f"terraform/{self.key} sets {', '.join(unknown)}, and there is no such variable. variables.tf and sizes.tf list them.")
        _, shown = terraform.read("show", "-json", str(plan))
        return json.loads(shown[shown.index("{"):])["planned_values"]["outputs"]["inputs"]["value"]


def public_key():
    for kind in ("ed25519", "ecdsa", "rsa"):
        file = Path.home() / ".ssh" / f"id_{kind}.pub"
        if file.exists():
            return file.read_text().strip()
    return None


def ask_for_addresses():
    say(
        "From which addresses will administrators reach the bastion by SSH? IPv4 ranges with commas between\n"
        "them, as in 203.0.113.7/32; https://checkip.amazonaws.com shows yours. Nothing means no bastion:\n"
        "shells then go through Session Manager."
    )
    while True:
        answer = [part for part in re.split(r"[,\s]+", ask("Addresses: ")) if part]
        try:
            return [str(ipaddress.IPv4Network(part)) for part in answer]
        except ValueError as error:
            say(f"{error}. An example is 203.0.113.7/32.")
