"""Which deployment, in which account and region, as whom."""

import os
import re
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
)

from operations.console import Stop

TERRAFORM = Path(__file__).resolve().parent.parent
ROOT = TERRAFORM.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").absolute()

HOW_TO_SIGN_IN = (
    "Sign in with `aws configure`, `aws sso login` or `aws login`, choose a profile with AWS_PROFILE, "
    "or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
)
# What AWS answers to credentials that were good once, or never.
OUTDATED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
WRONG = {"InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException", "AuthFailure"}


def deployment_name():
    """The name in DEPLOYMENT. The rule is the one of the variable `name`, and needed for paths before
    that. (NAME would be taken: it is the machine's on some systems.)"""
    name = os.environ.get("DEPLOYMENT") or "vitrine"
    if not re.fullmatch(r"[a-z][a-z0-9-]{1,18}[a-z0-9]", name):
        raise Stop(
            f"DEPLOYMENT={name} is no name: 3 to 20 lower-case letters, digits and hyphens, as in DEPLOYMENT=vitrine."
        )
    return name


class Place:
    """A deployment of this name in an account and region. Everything that can be told from those."""

    def __init__(self, name, stated_region=None):
        """`stated_region`: the one that the variables of the deployment name."""
        self.name = name
        try:
            self.session = boto3.Session()
        except ProfileNotFound as error:
            raise Stop(f"{error}. `aws configure list-profiles` shows those that there are.") from None
        self.region = self.settle_region(stated_region)
        identity = self.sign_in()
        self.account = identity["Account"]
        self.who = identity["Arn"]

    def settle_region(self, stated):
        # Terraform reads AWS_REGION as well, which boto3 does not.
        found = os.environ.get("AWS_REGION") or self.session.region_name
        if stated and found and stated != found:
            raise Stop(
                f"terraform/{self.name}.tfvars says region {stated}, and the environment says {found} "
                "(AWS_REGION, AWS_DEFAULT_REGION or the profile). Make them agree, or choose another deployment with DEPLOYMENT."
            )
        if not (stated or found):
            raise Stop("No AWS region is set: export AWS_REGION=eu-central-1, or choose one with `aws configure`.")
        return stated or found

    def sign_in(self):
        try:
            return self.client("sts").get_caller_identity()
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise Stop(f"There are no credentials for AWS ({error}). {HOW_TO_SIGN_IN}") from None
        except EndpointConnectionError as error:
            raise Stop(f"AWS cannot be reached: {error}. Is {self.region} a region, and is there a network?") from None
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in OUTDATED:
                raise Stop(f"The credentials for AWS have expired. {HOW_TO_SIGN_IN}") from None
            if code in WRONG:
                raise Stop(f"AWS does not know these credentials ({code}). {HOW_TO_SIGN_IN}") from None
            raise
        except BotoCoreError as error:
            # Sessions of single sign-on that ran out, among others.
            raise Stop(f"The credentials for AWS are of no use: {error} {HOW_TO_SIGN_IN}") from None

    def client(self, service):
        retries = Config(retries={"mode": "standard", "max_attempts": 5})
        return self.session.client(service, region_name=self.region, config=retries)

    def __str__(self):
        return f"{self.name} in account {self.account}, region {self.region}"

    @property
    def suffix(self):
        return f"{self.account}-{self.region}"

    @property
    def state_bucket(self):
        return f"{self.name}-state-{self.suffix}"

    @property
    def pictures_bucket(self):
        return f"{self.name}-pictures-{self.suffix}"

    @property
    def work(self):
        """Where Terraform keeps what can be made again. One for each deployment, so none meets another's state."""
        folder = TARGET / "operations" / f"{self.name}-{self.suffix}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def has_bucket(self, name):
        try:
            self.client("s3").head_bucket(Bucket=name, ExpectedBucketOwner=self.account)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 404:
                return False
            if status == 403:
                raise Stop(f"The bucket {name} is there, but is not ours to look at.") from None
            raise
        return True
