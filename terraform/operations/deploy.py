"""make deploy: from a checkout and credentials to a running site, and to the next version of it.

Everything that can be wrong is looked at before anything is made. Each step first sees what is
there, so a deploy that was cut short is repeated and goes on from where it was.
"""

import os

from operations import secrets
from operations.bootstrap import Bootstrap
from operations.console import Stop, confirm, say, step
from operations.image import Image
from operations.place import TERRAFORM
from operations.ready import Rollout, await_health
from operations.state import KEY, read, read_object, refuse_if_locked, write_object
from operations.tools import ARCHITECTURE, Terraform, functions_directory, make, require_terraform
from operations.variables import settle

PICTURES = "module.pictures.aws_s3_bucket.this"
# Which releases of the providers a deployment uses: chosen by its first init, kept like its variables.
PROVIDERS = ".terraform.lock.hcl"


def main():
    require_terraform()
    place, variables = settle()
    say(f"Deployment {place}\nas {place.who}")
    unlock = os.environ.get("UNLOCK")
    if not unlock:
        refuse_if_locked(place)
    is_new = not place.has_bucket(place.state_bucket)
    variables.bring(place, may_write=True)
    inputs = variables.evaluate(place, secrets.given())
    image = Image(place)
    if is_new:
        confirm(f"There is no {place} yet. Shall it be made?")
    values = secrets.gather(place, read(place), variables, inputs)

    step("The bucket for the state, and the registry")
    Bootstrap(place).apply()
    variables.keep(place)
    step("The functions")
    make("functions", LAMBDA_ARCH=ARCHITECTURE)
    step("The web image")
    reference = image.provide()
    step("The plan")
    root = Root(place, variables, reference, values)
    root.prepare(unlock)
    rollout = Rollout(place)
    if root.plan():
        confirm("Shall this be done?")
        step("Carrying it out")
        root.apply()
    else:
        say("Everything is as it should be already.")

    outputs = read(place).outputs
    step("Waiting for the site")
    rollout.wait(outputs["autoscaling_group"])
    await_health(place, outputs, inputs)
    tell(place, outputs, inputs, reference)


class Root:
    """The configuration of the whole, with what it has to be told."""

    def __init__(self, place, variables, image, values, functions=None):
        self.place = place
        self.values = values
        self.terraform = Terraform(place)
        self.variables = variables.arguments(place, image, functions or functions_directory())
        self.plan_file = place.work / "plan"

    def prepare(self, unlock=None):
        place = self.place
        lock_file = TERRAFORM / PROVIDERS
        kept = read_object(place, PROVIDERS)
        if kept and not lock_file.exists():
            lock_file.write_bytes(kept)
        backend = {"bucket": place.state_bucket, "key": KEY, "region": place.region, "use_lockfile": "true"}
        self.terraform(
            "init", "-reconfigure", *(f"-backend-config={name}={value}" for name, value in backend.items()),
            doing="Preparing Terraform",
        )
        if lock_file.exists() and lock_file.read_bytes() != kept:
            write_object(place, PROVIDERS, lock_file.read_bytes())
        if unlock:
            self.terraform("force-unlock", "-force", unlock, doing="Unlocking the state")

    def plan(self):
        """Shows what would be done; whether that is anything."""
        bucket = self.place.pictures_bucket
        if PICTURES not in read(self.place).managed and self.place.has_bucket(bucket):
            say(f"{bucket} is there already, and is taken over with all pictures in it.")
            self.variables.append("-var=take_over_pictures=true")
        code = self.terraform(
            "plan", f"-out={self.plan_file}", "-detailed-exitcode", *self.variables,
            secrets=self.values, doing="The plan", good=(0, 2),
        )
        return code == 2

    def apply(self):
        """Exactly what was shown. The plan holds no secrets, so Terraform is given them once more."""
        try:
            self.terraform("apply", str(self.plan_file), secrets=self.values, doing="Carrying out the plan")
        except Stop as stop:
            raise Stop(f"{stop}\nWhat was made is written down. Put right what it says, then make deploy goes on from there.") from None
        finally:
            self.plan_file.unlink(missing_ok=True)


def tell(place, outputs, inputs, reference):
    say(f"\nVitrine is at {outputs['url']}\n")
    say(f"  admin's password   aws secretsmanager get-secret-value --region {place.region} --query SecretString --output text \\")
    say(f"                         --secret-id {outputs['admin_password_secret_arn']}")
    say("  what it writes     make logs")
    if inputs["shell_access"] != "none":
        say("  a shell            make ssh")
    say(f"  back to this image make deploy IMAGE={reference}")
    if outputs["url"].startswith("http://"):
        say(
            "\nThe site speaks plain HTTP: passwords and pictures can be read on their way. That is for a try.\n"
            f"Set `domain` or `certificate_arn` in terraform/{place.name}.tfvars before people use it."
        )
