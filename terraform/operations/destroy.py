"""make destroy: undoes make deploy, and says what it keeps on purpose.

Pictures and the bucket's settings are left as they are, by taking them out of Terraform's sight;
the next make deploy of that name finds the bucket and takes it over again.
"""

import os

from operations.bootstrap import Bootstrap, has_registry
from operations.console import Stop, ask, interactive, say, step
from operations.deploy import PICTURES, Root
from operations.state import read, refuse_if_locked
from operations.tools import require_terraform
from operations.variables import settle

DATABASE = "module.database.aws_db_instance.this"
LOAD_BALANCER = "module.load_balancer.aws_lb.this"
# Rules want values. Nothing is made of these.
NO_IMAGE = "nothing@sha256:" + "0" * 64
NO_SECRETS = {"TF_VAR_admin_password": "not-used-any-more", "TF_VAR_gemini_api_key": "not-used-any-more"}


def main():
    require_terraform()
    place, variables = settle()
    say(f"Deployment {place}\nas {place.who}")
    name = place.name
    everything = os.environ.get("ALL") == "1"
    if not place.has_bucket(place.state_bucket):
        raise Stop(f"There is no deployment {place}.")
    refuse_if_locked(place)
    state = read(place)
    if state.managed:
        refuse_if_protected(state, name)
        keep_pictures = has_pictures(place, state)
        announce(place, state, keep_pictures)
    else:
        say("Everything that make deploy made is gone already.")
        if not everything:
            tell_rest(place)
            return
    if everything:
        say(f"\nALL=1: the registry {name} with all images and the bucket {place.state_bucket} with all states go too.")
    confirm_by_name(name)

    if state.managed:
        variables.bring(place, may_write=False)
        # No zips have to be built to delete functions.
        root = Root(place, variables, NO_IMAGE, NO_SECRETS, functions="tests/lambda")
        root.prepare()
        if keep_pictures:
            step("Leaving the pictures where they are")
            root.terraform("state", "rm", "module.pictures", doing="Taking the pictures out of Terraform's sight")
        step("Deleting. Network interfaces of functions can take half an hour to go")
        try:
            root.terraform("destroy", "-auto-approve", *root.variables, secrets=NO_SECRETS, doing="Deleting")
        except Stop as stop:
            raise Stop(f"{stop}\nWhat is gone is written down; make destroy goes on from there.") from None
    if everything:
        step("The bucket for the state, and the registry")
        Bootstrap(place).destroy()
    say("\nDone.")
    tell_rest(place)


def refuse_if_protected(state, name):
    protected = [
        what
        for what, address, attribute in (
            ("the database", DATABASE, "deletion_protection"),
            ("the load balancer", LOAD_BALANCER, "enable_deletion_protection"),
        )
        if state.attribute(address, attribute)
    ]
    if protected:
        raise Stop(
            f"AWS is told to refuse the deletion of {' and '.join(protected)}. To lift that:\n"
            f"  1. deletion_protection = false in terraform/{name}.tfvars\n  2. make deploy\n  3. make destroy"
        )


def has_pictures(place, state):
    """Whether there is a picture, or a version of one, that Terraform was not allowed to delete."""
    if PICTURES not in state.managed or state.attribute(PICTURES, "force_destroy"):
        return False
    if not place.has_bucket(place.pictures_bucket):
        return False
    versions = place.client("s3").list_object_versions(Bucket=place.pictures_bucket, MaxKeys=1)
    return bool(versions.get("Versions") or versions.get("DeleteMarkers"))


def announce(place, state, keep_pictures):
    say(f"\nThis goes: {len(state.managed)} resources")
    say("  " + ", ".join(f"{number} {kind}" for kind, number in sorted(state.kinds.items())))
    say("\nThis stays, and costs what storage costs:")
    say("  a final snapshot of the database, and its automatic backups for as long as they would have been kept")
    say("  the secrets, which can be brought back for a week")
    if keep_pictures:
        say(f"  the bucket {place.pictures_bucket}, because there are pictures in it. To have it deleted too:")
        say("    delete_pictures = true, make deploy, make destroy")
    elif state.attribute(PICTURES, "force_destroy"):
        say("\nThe pictures do not stay: delete_pictures is set.")


def confirm_by_name(name):
    given = os.environ.get("CONFIRM")
    if given is None and interactive():
        given = ask(f"\nType the name of the deployment ({name}) to go on: ")
    if given != name:
        raise Stop(f"Nothing is deleted. (Without a terminal: CONFIRM={name}.)")


def tell_rest(place):
    """What is still there, and how to be rid of it."""
    region = f"--region {place.region}"
    lines = []
    if place.has_bucket(place.pictures_bucket):
        lines.append(f"  s3://{place.pictures_bucket}: the pictures. The next make deploy takes them up again.")
    snapshots = place.client("rds").describe_db_snapshots(DBInstanceIdentifier=place.name)["DBSnapshots"]
    for snapshot in snapshots:
        what = snapshot["DBSnapshotIdentifier"]
        lines.append(f"  snapshot {what}: aws rds delete-db-snapshot {region} --db-snapshot-identifier {what}")
    if place.has_bucket(place.state_bucket):
        lines.append(f"  s3://{place.state_bucket}: states, and {place.name}.tfvars")
    if has_registry(place):
        lines.append(f"  the registry {place.name}: images")
        lines.append("  The last two go with make destroy ALL=1.")
    if lines:
        say("\nStill there:\n" + "\n".join(lines))
    say(f"Automatic backups: aws rds describe-db-instance-automated-backups {region}")
