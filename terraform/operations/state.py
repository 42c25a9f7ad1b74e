"""Terraform's state of a deployment, read from its S3 bucket.

Reading it directly lets make logs and make ssh start at once from any checkout, without Terraform
and its providers. The format has been version 4 since Terraform 0.12.
"""

import collections
import json

from botocore.exceptions import ClientError

from operations.console import CommandError

# An earlier version had the secrets in this module. Until Terraform runs, and moves them as moved.tf says,
# the state still does.
FORMER_MODULE = "module.secrets"

KEY = "vitrine.tfstate"
LOCK = f"{KEY}.tflock"


class State:
    def __init__(self, content):
        self.outputs = {name: output["value"] for name, output in content.get("outputs", {}).items()}
        self.managed = {}
        self.resource_counts = collections.Counter()
        for resource in content.get("resources", []):
            if resource["mode"] != "managed":
                continue
            self.resource_counts[resource["type"].removeprefix("aws_")] += len(resource["instances"])
            for instance in resource["instances"]:
                index = f'["{instance["index_key"]}"]' if "index_key" in instance else ""
                module = resource.get("module")
                if module == FORMER_MODULE:
                    module = None
                address = ".".join(part for part in (module, resource["type"], resource["name"]) if part)
                self.managed[address + index] = instance["attributes"]

    def attribute(self, address, name):
        """None if the resource or the attribute does not exist."""
        return self.managed.get(address, {}).get(name)


def read(deployment):
    """The state; empty before the first deploy."""
    content = read_object(deployment, KEY)
    if content is None:
        return State({})
    state = json.loads(content)
    if state.get("version") != 4:
        raise CommandError(f"The state in s3://{deployment.state_bucket}/{KEY} has version {state.get('version')}; only version 4 is supported.")
    return State(state)


def require_deployed(deployment):
    """The state of an existing deployment."""
    state = read(deployment)
    if "url" not in state.outputs:
        raise CommandError(
            f"There is no deployment {deployment}, or it is incomplete: run make deploy. (DEPLOYMENT=… selects another name, "
            "AWS_PROFILE another account, AWS_REGION another region.)"
        )
    return state


def read_object(deployment, key):
    """The bytes of an object in the state bucket; None if it does not exist."""
    try:
        response = deployment.client("s3").get_object(Bucket=deployment.state_bucket, Key=key, ExpectedBucketOwner=deployment.account)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket"):
            return None
        raise
    return response["Body"].read()


def write_object(deployment, key, content):
    deployment.client("s3").put_object(Bucket=deployment.state_bucket, Key=key, Body=content, ExpectedBucketOwner=deployment.account)


def refuse_if_locked(deployment):
    """Fails early if another run holds the lock, or an interrupted one left it."""
    lock = read_object(deployment, LOCK)
    if lock is None:
        return
    lock = json.loads(lock)
    raise CommandError(
        f"The state is locked: {lock.get('Who')} started \"{lock.get('Operation')}\" at {lock.get('Created')}.\n"
        f"Wait until it has finished. If it was interrupted and is no longer running: make deploy UNLOCK={lock.get('ID')}"
    )
