"""The bucket for the state and the registry, which have to be there before everything else.

Their own Terraform state is a file that may be lost: what is there already is imported again, and
everything else in that folder is a setting that can be put twice. So there is no copy of that state
to keep, and nothing to repair after a deploy that was cut short.
"""

import json

from botocore.exceptions import ClientError

from operations.console import say
from operations.place import TERRAFORM
from operations.state import State
from operations.tools import Terraform

BUCKET = "module.state.aws_s3_bucket.this"
REGISTRY = "aws_ecr_repository.web"


def has_registry(place):
    try:
        place.client("ecr").describe_repositories(repositoryNames=[place.name])
    except ClientError as error:
        if error.response["Error"]["Code"] == "RepositoryNotFoundException":
            return False
        raise
    return True


class Bootstrap:
    def __init__(self, place):
        self.place = place
        self.terraform = Terraform(place, TERRAFORM / "bootstrap")
        self.file = place.work / "bootstrap.tfstate"
        self.variables = [f"-var=name={place.name}", f"-var=region={place.region}"]

    def apply(self, *more):
        """Makes both, or sees that they are as they should be."""
        self.terraform("init", "-reconfigure", f"-backend-config=path={self.file}", doing="Preparing Terraform for the bucket and the registry")
        self.adopt(BUCKET, self.place.state_bucket, self.place.has_bucket(self.place.state_bucket))
        self.adopt(REGISTRY, self.place.name, has_registry(self.place))
        self.terraform("apply", "-auto-approve", *self.variables, *more, doing="Making the bucket and the registry")

    def adopt(self, address, identifier, is_there):
        known = State(json.loads(self.file.read_text())) if self.file.exists() else State({})
        if is_there and address not in known.managed:
            say(f"{identifier} is there already, and is taken over.")
            self.terraform("import", *self.variables, address, identifier, doing=f"Taking over {identifier}")

    def destroy(self):
        """Both, with all states and all images."""
        self.apply("-var=force_destroy=true")
        self.terraform(
            "destroy", "-auto-approve", *self.variables, "-var=force_destroy=true",
            doing="Deleting the bucket and the registry",
        )
