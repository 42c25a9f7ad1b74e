"""make deploy: creates or updates the deployment and waits until the site is healthy.

All inputs are validated before anything is created. Each step is idempotent, so an interrupted
deploy continues when it is run again.
"""

import os

from operations import account, secrets
from operations.bootstrap import Bootstrap
from operations.console import CommandError, confirm, heading, say
from operations.deployment import TERRAFORM
from operations.image import Image
from operations.quotas import check_quotas
from operations.rollout import Rollout, wait_for_health
from operations.state import KEY, read, read_object, refuse_if_locked, write_object
from operations.tools import ARCHITECTURE, Terraform, functions_directory, make, require_terraform
from operations.variables import open_deployment

PICTURES = "module.pictures.aws_s3_bucket.this"
# The provider versions, selected by the first init and kept beside the state.
LOCK_FILE = ".terraform.lock.hcl"


def main():
    require_terraform()
    deployment, variables = open_deployment()
    say(f"Deployment {deployment}\nas {deployment.caller}")
    unlock = os.environ.get("UNLOCK")
    if not unlock:
        refuse_if_locked(deployment)
    is_new = not deployment.bucket_exists(deployment.state_bucket)
    if is_new:
        account.refuse_if_name_is_taken(deployment)
    variables.load(deployment, create=True)
    inputs = variables.evaluate(deployment, secrets.from_environment())
    account.check_zones(deployment, inputs)
    if is_new:
        check_quotas(deployment, inputs)
    image = Image(deployment)
    if is_new:
        confirm(f"The deployment {deployment} does not exist. Create it?")
    values = secrets.collect(deployment, read(deployment), variables, inputs)

    account.create_service_roles(deployment)
    heading("State bucket and registry")
    Bootstrap(deployment).apply()
    variables.save_copy(deployment)
    heading("Functions")
    make("functions", LAMBDA_ARCH=ARCHITECTURE)
    heading("Web image")
    reference = image.ensure_pushed()
    heading("Plan")
    root = RootModule(deployment, variables, reference, values)
    root.init(unlock)
    account.delete_leftover_log_groups(deployment, read(deployment))
    if root.plan():
        confirm("Apply this plan?")
        heading("Apply")
        root.apply()
    else:
        say("Everything is up to date.")

    outputs = read(deployment).outputs
    heading("Web instances")
    Rollout(deployment, outputs).run()
    heading("Waiting for the site")
    wait_for_health(deployment, outputs, inputs)
    print_summary(deployment, outputs, inputs, reference)


class RootModule:
    """Terraform's root module with the variables and secrets of one deployment."""

    def __init__(self, deployment, variables, image, values, functions=None):
        self.deployment = deployment
        self.values = values
        self.terraform = Terraform(deployment)
        self.variables = variables.arguments(deployment, image, functions or functions_directory())
        self.plan_file = deployment.work / "plan"

    def init(self, unlock=None):
        deployment = self.deployment
        lock_file = TERRAFORM / LOCK_FILE
        saved = read_object(deployment, LOCK_FILE)
        if saved and not lock_file.exists():
            lock_file.write_bytes(saved)
        backend = {"bucket": deployment.state_bucket, "key": KEY, "region": deployment.region, "use_lockfile": "true"}
        self.terraform(
            "init", "-reconfigure", *(f"-backend-config={name}={value}" for name, value in backend.items()),
            task="Initialising Terraform",
        )
        if lock_file.exists() and lock_file.read_bytes() != saved:
            write_object(deployment, LOCK_FILE, lock_file.read_bytes())
        if unlock:
            self.terraform("force-unlock", "-force", unlock, task="Unlocking the state")

    def plan(self):
        """Shows the plan; returns whether it has changes."""
        bucket = self.deployment.pictures_bucket
        if PICTURES not in read(self.deployment).managed and self.deployment.bucket_exists(bucket):
            say(f"{bucket} already exists and is imported with all pictures in it.")
            self.variables.append("-var=take_over_pictures=true")
        code = self.terraform(
            "plan", f"-out={self.plan_file}", "-detailed-exitcode", *self.variables,
            secrets=self.values, task="Planning", success=(0, 2),
        )
        return code == 2

    def apply(self):
        """Applies the plan that was shown. A plan holds no ephemeral values, so the secrets are passed again."""
        try:
            self.terraform("apply", str(self.plan_file), secrets=self.values, task="Applying the plan")
        except CommandError as error:
            raise CommandError(f"{error}\nThe state has what was created. Fix the cause, then run make deploy again to continue.") from None
        finally:
            self.plan_file.unlink(missing_ok=True)


def print_summary(deployment, outputs, inputs, reference):
    say(f"\nVitrine is at {outputs['url']}\n")
    say(f"  admin password     aws secretsmanager get-secret-value --region {deployment.region} --query SecretString --output text \\")
    say(f"                         --secret-id {outputs['admin_password_secret_arn']}")
    say("  logs               make logs")
    if inputs["shell_access"] != "none":
        say("  shell              make ssh")
    say(f"  redeploy image     make deploy IMAGE={reference}")
    if outputs["url"].startswith("http://"):
        say(
            "\nThe site uses plain HTTP: passwords and pictures are not encrypted in transit. Use this for trials only.\n"
            f"Set `domain` or `certificate_arn` in terraform/{deployment.name}.tfvars before people use it."
        )
