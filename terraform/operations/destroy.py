"""make destroy: deletes what make deploy created, and reports what is kept.

A bucket with pictures is kept: it is removed from Terraform's state, and the next make deploy of
the same name imports it.
"""

import os

from operations.account import delete_leftover_log_groups
from operations.bootstrap import Bootstrap, registry_exists
from operations.console import CommandError, heading, interactive, prompt, say
from operations.deploy import PICTURES, RootModule
from operations.secrets import from_environment
from operations.state import read, refuse_if_locked
from operations.tools import require_terraform
from operations.variables import open_deployment

DATABASE = "module.database.aws_db_instance.this"
LOAD_BALANCER = "module.load_balancer.aws_lb.this"
# Values that satisfy the validation rules; destroy does not use them.
PLACEHOLDER_IMAGE = "unused@sha256:" + "0" * 64
PLACEHOLDER_SECRETS = {f"TF_VAR_{name}": "unused-by-destroy" for name in from_environment()}


def main():
    require_terraform()
    deployment, variables = open_deployment()
    say(f"Deployment {deployment}\nas {deployment.caller}")
    name = deployment.name
    everything = os.environ.get("ALL") == "1"
    if not deployment.bucket_exists(deployment.state_bucket):
        raise CommandError(f"There is no deployment {deployment}.")
    refuse_if_locked(deployment)
    state = read(deployment)
    if state.managed:
        refuse_if_protected(state, name)
        keep_pictures = has_pictures(deployment, state)
        print_plan(deployment, state, keep_pictures)
    else:
        say("Everything that make deploy created is already deleted.")
        if not everything:
            print_remaining(deployment)
            return
    if everything:
        say(f"\nALL=1: the registry {name} with all images and the bucket {deployment.state_bucket} with all states are deleted too.")
    confirm_by_name(name)

    if state.managed:
        variables.load(deployment, create=False)
        # Terraform reads the zips even to delete the functions, so destroy uses those of the tests.
        root = RootModule(deployment, variables, PLACEHOLDER_IMAGE, PLACEHOLDER_SECRETS, functions="tests/lambda")
        root.init()
        if keep_pictures:
            heading("Keeping the pictures")
            root.terraform("state", "rm", "module.pictures", task="Removing the pictures bucket from the state")
        heading("Deleting. The network interfaces of the functions can take half an hour")
        try:
            root.terraform("destroy", "-auto-approve", *root.variables, secrets=PLACEHOLDER_SECRETS, task="Deleting")
        except CommandError as error:
            raise CommandError(f"{error}\nThe state has what is left. Run make destroy again to continue.") from None
    delete_leftover_log_groups(deployment, read(deployment))
    if everything:
        heading("State bucket and registry")
        Bootstrap(deployment).destroy()
    say("\nDone.")
    print_remaining(deployment)


def refuse_if_protected(state, name):
    protected = [
        resource
        for resource, address, attribute in (
            ("the database", DATABASE, "deletion_protection"),
            ("the load balancer", LOAD_BALANCER, "enable_deletion_protection"),
        )
        if state.attribute(address, attribute)
    ]
    if protected:
        raise CommandError(
            f"Deletion protection is on for {' and '.join(protected)}. To turn it off:\n"
            f"  1. deletion_protection = false in terraform/{name}.tfvars\n  2. make deploy\n  3. make destroy"
        )


def has_pictures(deployment, state):
    """Whether the bucket has objects or versions that Terraform may not delete."""
    if PICTURES not in state.managed or state.attribute(PICTURES, "force_destroy"):
        return False
    if not deployment.bucket_exists(deployment.pictures_bucket):
        return False
    versions = deployment.client("s3").list_object_versions(Bucket=deployment.pictures_bucket, MaxKeys=1)
    return bool(versions.get("Versions") or versions.get("DeleteMarkers"))


def print_plan(deployment, state, keep_pictures):
    say(f"\nTo be deleted: {len(state.managed)} resources")
    say("  " + ", ".join(f"{number} {type_}" for type_, number in sorted(state.resource_counts.items())))
    say("\nKept, at the price of storage:")
    say("  a final snapshot of the database, and its automatic backups until their retention ends")
    say("  the secrets, which can be restored for a week")
    if keep_pictures:
        say(f"  the bucket {deployment.pictures_bucket}, because it contains pictures. To delete it too:")
        say("    delete_pictures = true, make deploy, make destroy")
    elif state.attribute(PICTURES, "force_destroy"):
        say("\nThe pictures are deleted too: delete_pictures is set.")


def confirm_by_name(name):
    given = os.environ.get("CONFIRM")
    if given is None and interactive():
        given = prompt(f"\nType the name of the deployment ({name}) to continue: ")
    if given != name:
        raise CommandError(f"Nothing is deleted. (Without a terminal, set CONFIRM={name}.)")


def print_remaining(deployment):
    """Lists what still exists, and the command that deletes each."""
    region = f"--region {deployment.region}"
    lines = []
    if deployment.bucket_exists(deployment.pictures_bucket):
        lines.append(f"  s3://{deployment.pictures_bucket}: the pictures. The next make deploy imports the bucket.")
    snapshots = deployment.client("rds").describe_db_snapshots(DBInstanceIdentifier=deployment.name)["DBSnapshots"]
    for snapshot in snapshots:
        identifier = snapshot["DBSnapshotIdentifier"]
        lines.append(f"  snapshot {identifier}: aws rds delete-db-snapshot {region} --db-snapshot-identifier {identifier}")
    if deployment.bucket_exists(deployment.state_bucket):
        lines.append(f"  s3://{deployment.state_bucket}: states, and {deployment.name}.tfvars")
    if registry_exists(deployment):
        lines.append(f"  the registry {deployment.name}: images")
        lines.append("  make destroy ALL=1 deletes the last two.")
    if lines:
        say("\nRemaining:\n" + "\n".join(lines))
    say(f"Automatic backups: aws rds describe-db-instance-automated-backups {region}")
