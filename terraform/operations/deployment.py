"""A deployment: its name, AWS account, region and credentials."""

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

from operations.console import CommandError

TERRAFORM = Path(__file__).resolve().parent.parent
ROOT = TERRAFORM.parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target").absolute()

HOW_TO_SIGN_IN = (
    "Sign in with `aws configure`, `aws sso login` or `aws login`, choose a profile with AWS_PROFILE, "
    "or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
)
# Error codes of AWS for credentials that have expired, and for invalid ones.
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
INVALID = {"InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException", "AuthFailure"}


def deployment_name():
    """The value of DEPLOYMENT. The rule repeats the validation of the Terraform variable `name`, because
    the name is part of paths that are needed earlier. (NAME is the host name on some systems.)"""
    name = os.environ.get("DEPLOYMENT") or "vitrine"
    reserved = re.match(r"default$|internal-|sg-|sthree|amzn-s3-demo", name)
    if not re.fullmatch(r"[a-z](-?[a-z0-9])+", name) or not 3 <= len(name) <= 20 or reserved:
        raise CommandError(
            f"Invalid DEPLOYMENT={name}: expected 3 to 20 lower-case letters, digits and single hyphens, for example "
            "DEPLOYMENT=vitrine. AWS reserves default, internal-…, sg-…, sthree… and amzn-s3-demo…."
        )
    return name


class Deployment:
    """A deployment, and the names that follow from its name, account and region."""

    def __init__(self, name, region_in_file=None):
        self.name = name
        try:
            self.session = boto3.Session()
        except ProfileNotFound as error:
            raise CommandError(f"{error}. `aws configure list-profiles` lists the profiles.") from None
        self.region = self.resolve_region(region_in_file)
        identity = self.sign_in()
        self.account = identity["Account"]
        self.caller = identity["Arn"]

    def resolve_region(self, in_file):
        # Terraform reads AWS_REGION as well; boto3 does not.
        found = os.environ.get("AWS_REGION") or self.session.region_name
        if in_file and found and in_file != found:
            raise CommandError(
                f"The region is {in_file} in terraform/{self.name}.tfvars and {found} in the environment "
                "(AWS_REGION, AWS_DEFAULT_REGION or the profile). Use the same region, or select another deployment with DEPLOYMENT."
            )
        if not (in_file or found):
            raise CommandError("No AWS region is set: export AWS_REGION=eu-central-1, or set one with `aws configure`.")
        return in_file or found

    def sign_in(self):
        try:
            return self.client("sts").get_caller_identity()
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise CommandError(f"AWS credentials are missing ({error}). {HOW_TO_SIGN_IN}") from None
        except EndpointConnectionError as error:
            raise CommandError(f"AWS cannot be reached: {error}. Check the network and the region {self.region}.") from None
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in EXPIRED:
                raise CommandError(f"The AWS credentials have expired. {HOW_TO_SIGN_IN}") from None
            if code in INVALID:
                raise CommandError(f"The AWS credentials are invalid ({code}). {HOW_TO_SIGN_IN}") from None
            raise
        except BotoCoreError as error:
            # Expired single sign-on sessions, among others.
            raise CommandError(f"The AWS credentials cannot be used: {error} {HOW_TO_SIGN_IN}") from None

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
        """Terraform's working folder, which can be created again. Each deployment has its own."""
        folder = TARGET / "operations" / f"{self.name}-{self.suffix}"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def bucket_exists(self, name):
        try:
            self.client("s3").head_bucket(Bucket=name, ExpectedBucketOwner=self.account)
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status == 404:
                return False
            if status == 403:
                raise CommandError(f"The bucket {name} exists, but access to it is denied.") from None
            raise
        return True
