"""The state bucket and the image registry, which must exist before anything else.

The Terraform state of these two is a local file that may be lost: existing resources are imported
again, and every other resource in terraform/bootstrap is a setting that can be applied again. No
copy of that state has to be kept, and an interrupted deploy needs no repair.
"""

import json

from botocore.exceptions import ClientError

from operations.console import say
from operations.deployment import TERRAFORM
from operations.state import State
from operations.tools import Terraform

BUCKET = "module.state.aws_s3_bucket.this"
REGISTRY = "aws_ecr_repository.web"


def registry_exists(deployment):
    try:
        deployment.client("ecr").describe_repositories(repositoryNames=[deployment.name])
    except ClientError as error:
        if error.response["Error"]["Code"] == "RepositoryNotFoundException":
            return False
        raise
    return True


class Bootstrap:
    def __init__(self, deployment):
        self.deployment = deployment
        self.terraform = Terraform(deployment, TERRAFORM / "bootstrap")
        self.state_file = deployment.work / "bootstrap.tfstate"
        self.variables = [f"-var=name={deployment.name}", f"-var=region={deployment.region}"]

    def apply(self, *arguments):
        """Creates or updates both."""
        self.terraform(
            "init", "-reconfigure", f"-backend-config=path={self.state_file}",
            task="Initialising Terraform for the state bucket and the registry",
        )
        self.import_existing(BUCKET, self.deployment.state_bucket, self.deployment.bucket_exists(self.deployment.state_bucket))
        self.import_existing(REGISTRY, self.deployment.name, registry_exists(self.deployment))
        self.terraform("apply", "-auto-approve", *self.variables, *arguments, task="Creating the state bucket and the registry")

    def import_existing(self, address, identifier, exists):
        state = State(json.loads(self.state_file.read_text())) if self.state_file.exists() else State({})
        if exists and address not in state.managed:
            say(f"{identifier} already exists and is imported.")
            self.terraform("import", *self.variables, address, identifier, task=f"Importing {identifier}")

    def destroy(self):
        """Deletes both, with all states and all images."""
        self.apply("-var=force_destroy=true")
        self.terraform(
            "destroy", "-auto-approve", *self.variables, "-var=force_destroy=true",
            task="Deleting the state bucket and the registry",
        )
