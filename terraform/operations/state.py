"""What Terraform knows of the deployment, read from the bucket that it keeps it in.

Read directly, so that logs and shells come at once, from any checkout, without Terraform and
without fetching its providers first. The format has been version 4 since Terraform 0.12.
"""

import collections
import json

from botocore.exceptions import ClientError

from operations.console import Stop

KEY = "vitrine.tfstate"
LOCK = f"{KEY}.tflock"


class State:
    def __init__(self, content):
        self.outputs = {name: output["value"] for name, output in content.get("outputs", {}).items()}
        self.managed = {}
        self.kinds = collections.Counter()
        for resource in content.get("resources", []):
            if resource["mode"] != "managed":
                continue
            self.kinds[resource["type"].removeprefix("aws_")] += len(resource["instances"])
            for instance in resource["instances"]:
                index = f'["{instance["index_key"]}"]' if "index_key" in instance else ""
                address = ".".join(part for part in (resource.get("module"), resource["type"], resource["name"]) if part)
                self.managed[address + index] = instance["attributes"]

    def attribute(self, address, name):
        """None if there is no such thing."""
        return self.managed.get(address, {}).get(name)


def read(place):
    """The state, empty if nothing was deployed yet."""
    content = read_object(place, KEY)
    if content is None:
        return State({})
    state = json.loads(content)
    if state.get("version") != 4:
        raise Stop(f"The state in s3://{place.state_bucket}/{KEY} is of version {state.get('version')}, and this program knows version 4.")
    return State(state)


def deployed(place):
    """The state of a deployment that is there."""
    state = read(place)
    if "url" not in state.outputs:
        raise Stop(
            f"There is no deployment {place}, or it is not complete: make deploy. (Another name is chosen with DEPLOYMENT=…, "
            "another account with AWS_PROFILE, another region with AWS_REGION.)"
        )
    return state


def read_object(place, key):
    """The bytes of an object in the bucket with the state; None if there is none."""
    try:
        answer = place.client("s3").get_object(Bucket=place.state_bucket, Key=key, ExpectedBucketOwner=place.account)
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchKey", "NoSuchBucket"):
            return None
        raise
    return answer["Body"].read()


def write_object(place, key, content):
    place.client("s3").put_object(Bucket=place.state_bucket, Key=key, Body=content, ExpectedBucketOwner=place.account)


def refuse_if_locked(place):
    """Before anything is built: somebody is at it, or was cut off at it."""
    lock = read_object(place, LOCK)
    if lock is None:
        return
    lock = json.loads(lock)
    raise Stop(
        f"The state is locked: {lock.get('Who')} began \"{lock.get('Operation')}\" at {lock.get('Created')}.\n"
        f"Wait until that is done. If it was cut off and nothing runs any more: make deploy UNLOCK={lock.get('ID')}"
    )
