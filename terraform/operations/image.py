"""The web image: built unless the registry has it, pushed, and referenced by its digest."""

import base64
import os
import re
import subprocess
import tempfile

from botocore.exceptions import ClientError

from operations.bootstrap import registry_exists
from operations.console import CommandError, say
from operations.deployment import ROOT
from operations.tools import ARCHITECTURE, make, require_docker

LOCAL = "vitrine:latest"


class Image:
    """The image to deploy: the one that IMAGE names, or the one of this checkout."""

    def __init__(self, deployment):
        self.deployment = deployment
        self.ecr = deployment.client("ecr")
        self.requested = os.environ.get("IMAGE")
        self.tag, self.modified = checkout_tag()
        self.reference = self.find()
        if not self.reference:
            require_docker()

    @property
    def repository(self):
        return f"{self.deployment.account}.dkr.ecr.{self.deployment.region}.amazonaws.com{self.domain_suffix}/{self.deployment.name}"

    @property
    def domain_suffix(self):
        return ".cn" if self.deployment.region.startswith("cn-") else ""

    def find(self):
        """The reference of an existing image; None if it has to be built."""
        if self.requested:
            return self.check_requested()
        # Tags are immutable, so a commit's tag identifies its image. Uncommitted changes have no
        # such name: they are built, and then named by the image's id.
        return None if self.modified else self.pushed(self.tag)

    def check_requested(self):
        repository, separator, digest = self.requested.partition("@")
        if not separator or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise CommandError(
                f"Invalid IMAGE={self.requested}: expected a digest, for example\n  IMAGE={self.repository}@sha256:…{self.available()}"
            )
        if repository == self.repository and not self.describe({"imageDigest": digest}):
            raise CommandError(f"The registry has no image {digest}.{self.available()}")
        return self.requested

    def describe(self, identifier):
        try:
            (details,) = self.ecr.describe_images(repositoryName=self.deployment.name, imageIds=[identifier])["imageDetails"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ImageNotFoundException", "RepositoryNotFoundException"):
                return None
            raise
        return details

    def pushed(self, tag):
        details = self.describe({"imageTag": tag})
        return details and f"{self.repository}@{details['imageDigest']}"

    def available(self):
        """The ten newest images in the registry, as text."""
        if not registry_exists(self.deployment):
            return ""
        pages = self.ecr.get_paginator("describe_images").paginate(repositoryName=self.deployment.name)
        images = [image for page in pages for image in page["imageDetails"] if image.get("imageTags")]
        images.sort(key=lambda image: image["imagePushedAt"], reverse=True)
        lines = [f"  {image['imagePushedAt']:%Y-%m-%d %H:%M}  {image['imageTags'][0]}\n    {self.repository}@{image['imageDigest']}" for image in images[:10]]
        return "\nImages in the registry, newest first:\n" + "\n".join(lines) if lines else "\nThe registry is empty."

    def ensure_pushed(self):
        """Builds and pushes the image if needed; returns its reference. Idempotent."""
        if self.reference:
            say(f"The registry already has the image {self.reference}")
            return self.reference
        make("image", IMAGE_ARCH=ARCHITECTURE)
        architecture, identifier = docker("image", "inspect", "--format", "{{.Architecture}} {{.Id}}", LOCAL).split()
        if architecture != ARCHITECTURE:
            raise CommandError(f"{LOCAL} is for {architecture}, and the instances are {ARCHITECTURE}: make image IMAGE_ARCH={ARCHITECTURE}")
        tag = f"{self.tag}-{identifier.removeprefix('sha256:')[:12]}" if self.modified else self.tag
        reference = self.pushed(tag)
        if not reference:
            self.push(tag)
            reference = self.pushed(tag)
        if not reference:
            raise CommandError(f"{tag} was pushed, but the registry does not have it.")
        say(f"The image is pushed: {reference}")
        return reference

    def push(self, tag):
        authorization = self.ecr.get_authorization_token()["authorizationData"][0]
        user, password = base64.b64decode(authorization["authorizationToken"]).decode().split(":", 1)
        # Docker stores the login in its configuration folder. A temporary folder is deleted
        # afterwards, but lacks the user's context, so the engine's address is looked up first.
        engine = os.environ.get("DOCKER_HOST") or docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
        with tempfile.TemporaryDirectory() as configuration:
            env = os.environ | {"DOCKER_CONFIG": configuration, "DOCKER_HOST": engine}
            env.pop("DOCKER_CONTEXT", None)
            docker("login", "--username", user, "--password-stdin", self.repository.split("/")[0], env=env, input=password)
            target = f"{self.repository}:{tag}"
            docker("tag", LOCAL, target)
            if subprocess.run(["docker", "push", target], env=env).returncode != 0:
                raise CommandError(f"Pushing {target} failed; see Docker's output above. Run make deploy again to continue.")


def checkout_tag():
    """The tag that `make image` gives to this checkout, and whether it has uncommitted changes."""
    version = re.search(r'^\[workspace\.package\](?:\n[^\[].*)*?\nversion = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    revision = git("rev-parse", "HEAD")
    if revision is None:
        return f"{version[1]}-unknown", True
    modified = bool(git("status", "--porcelain"))
    return f"{version[1]}-{revision[:12]}" + ("-modified" if modified else ""), modified


def git(*arguments):
    try:
        result = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return result.stdout.strip() if result.returncode == 0 else None


def docker(*arguments, **options):
    result = subprocess.run(["docker", *arguments], capture_output=True, text=True, **options)
    if result.returncode != 0:
        raise CommandError(f"docker {arguments[0]} failed: {result.stderr.strip()}")
    return result.stdout.strip()
