"""The web image: built if the registry does not have it yet, pushed, and named by its digest."""

import base64
import os
import re
import subprocess
import tempfile

from botocore.exceptions import ClientError

from operations.bootstrap import has_registry
from operations.console import Stop, say
from operations.place import ROOT
from operations.tools import ARCHITECTURE, make, require_docker

LOCAL = "vitrine:latest"


class Image:
    """The image to deploy: one that was named with IMAGE, or the one of this checkout."""

    def __init__(self, place):
        self.place = place
        self.ecr = place.client("ecr")
        self.named = os.environ.get("IMAGE")
        self.tag, self.modified = this_version()
        self.reference = self.find()
        if not self.reference:
            require_docker()

    @property
    def repository(self):
        return f"{self.place.account}.dkr.ecr.{self.place.region}.amazonaws.com{self.domain}/{self.place.name}"

    @property
    def domain(self):
        return ".cn" if self.place.region.startswith("cn-") else ""

    def find(self):
        """The reference of an image that is there; None if it has to be built."""
        if self.named:
            return self.check_named()
        # Tags cannot be moved, so the tag of a commit is that commit. Changes that are not
        # committed have no name, and are built to see what they are.
        return None if self.modified else self.pushed(self.tag)

    def check_named(self):
        repository, separator, digest = self.named.partition("@")
        if not separator or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
            raise Stop(f"IMAGE={self.named} is not an image by digest, as in\n  IMAGE={self.repository}@sha256:…{self.choices()}")
        if repository == self.repository and not self.describe({"imageDigest": digest}):
            raise Stop(f"The registry has no image {digest}.{self.choices()}")
        return self.named

    def describe(self, identifier):
        try:
            (details,) = self.ecr.describe_images(repositoryName=self.place.name, imageIds=[identifier])["imageDetails"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("ImageNotFoundException", "RepositoryNotFoundException"):
                return None
            raise
        return details

    def pushed(self, tag):
        details = self.describe({"imageTag": tag})
        return details and f"{self.repository}@{details['imageDigest']}"

    def choices(self):
        """The newest images, to choose from."""
        if not has_registry(self.place):
            return ""
        pages = self.ecr.get_paginator("describe_images").paginate(repositoryName=self.place.name)
        images = [image for page in pages for image in page["imageDetails"] if image.get("imageTags")]
        images.sort(key=lambda image: image["imagePushedAt"], reverse=True)
        lines = [f"  {image['imagePushedAt']:%Y-%m-%d %H:%M}  {image['imageTags'][0]}\n    {self.repository}@{image['imageDigest']}" for image in images[:10]]
        return "\nIt has, newest first:\n" + "\n".join(lines) if lines else "\nIt has none."

    def provide(self):
        """The reference, after building and pushing if that has to be done. May be repeated at any time."""
        if self.reference:
            say(f"The image is there: {self.reference}")
            return self.reference
        make("image", IMAGE_ARCH=ARCHITECTURE)
        architecture, identifier = docker("image", "inspect", "--format", "{{.Architecture}} {{.Id}}", LOCAL).split()
        if architecture != ARCHITECTURE:
            raise Stop(f"{LOCAL} is for {architecture}, and the instances are {ARCHITECTURE}: make image IMAGE_ARCH={ARCHITECTURE}")
        tag = f"{self.tag}-{identifier.removeprefix('sha256:')[:12]}" if self.modified else self.tag
        reference = self.pushed(tag)
        if not reference:
            self.push(tag)
            reference = self.pushed(tag)
        if not reference:
            raise Stop(f"{tag} was pushed, but the registry does not have it.")
        say(f"The image is pushed: {reference}")
        return reference

    def push(self, tag):
        authorization = self.ecr.get_authorization_token()["authorizationData"][0]
        user, password = base64.b64decode(authorization["authorizationToken"]).decode().split(":", 1)
        # Docker wants the login in a file. It gets one that is gone afterwards, and with it loses
        # sight of the engine that its own settings choose; so that is looked up first.
        engine = os.environ.get("DOCKER_HOST") or docker("context", "inspect", "--format", "{{.Endpoints.docker.Host}}")
        with tempfile.TemporaryDirectory() as settings:
            env = os.environ | {"DOCKER_CONFIG": settings, "DOCKER_HOST": engine}
            env.pop("DOCKER_CONTEXT", None)
            docker("login", "--username", user, "--password-stdin", self.repository.split("/")[0], env=env, input=password)
            target = f"{self.repository}:{tag}"
            docker("tag", LOCAL, target)
            if subprocess.run(["docker", "push", target], env=env).returncode != 0:
                raise Stop(f"{target} could not be pushed; Docker says why above. make deploy goes on from here.")


def this_version():
    """The tag that `make image` gives to this checkout, and whether it has changes of its own."""
    version = re.search(r'^\[workspace\.package\](?:\n[^\[].*)*?\nversion = "(.*)"', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)
    revision = git("rev-parse", "HEAD")
    if revision is None:
        return f"{version[1]}-unknown", True
    modified = bool(git("status", "--porcelain"))
    return f"{version[1]}-{revision[:12]}" + ("-modified" if modified else ""), modified


def git(*arguments):
    try:
        answer = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)
    except FileNotFoundError:
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def docker(*arguments, **options):
    answer = subprocess.run(["docker", *arguments], capture_output=True, text=True, **options)
    if answer.returncode != 0:
        raise Stop(f"docker {arguments[0]} did not work: {answer.stderr.strip()}")
    return answer.stdout.strip()
