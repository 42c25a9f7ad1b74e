"""What a deployment needs to find in the account, or not to find there, before anything is created."""

import json

from botocore.exceptions import ClientError

from operations.console import CommandError, say

SERVICES = ("autoscaling.amazonaws.com", "elasticloadbalancing.amazonaws.com", "rds.amazonaws.com")


def refuse_if_name_is_taken(deployment):
    """The names of IAM roles are global, so the same deployment in a second region would fail half way."""
    try:
        deployment.client("iam").get_role(RoleName=f"{deployment.name}-web")
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchEntity":
            return
        raise
    prefix = f"{deployment.name}-state-{deployment.account}-"
    buckets = [bucket["Name"] for bucket in deployment.client("s3").list_buckets()["Buckets"]]
    regions = [bucket.removeprefix(prefix) for bucket in buckets if bucket.startswith(prefix)]
    raise CommandError(
        f"The account already has a deployment named {deployment.name}"
        + (f" in {', '.join(regions)}" if regions else "")
        + f": the IAM role {deployment.name}-web exists, and the names of roles are the same in all regions.\n"
        "Choose another name with DEPLOYMENT, or the region of that deployment with AWS_REGION."
    )


def check_zones(deployment, inputs):
    """Not every account has three zones in every region, and not every zone has every instance type."""
    ec2, kind = deployment.client("ec2"), inputs["web"]["instance_type"]
    available = ec2.describe_availability_zones(Filters=[{"Name": "opt-in-status", "Values": ["opt-in-not-required"]}])["AvailabilityZones"]
    offers = ec2.describe_instance_type_offerings(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": [kind]}]
    )["InstanceTypeOfferings"]
    names = sorted(zone["ZoneName"] for zone in available)
    suitable = [name for name in names if name in {offer["Location"] for offer in offers}]
    if len(suitable) < 3:
        raise CommandError(
            f"Vitrine needs three availability zones with {kind}; this account has {', '.join(suitable) or 'none'} in {deployment.region}.\n"
            "Choose another region, or another instance_type in the variable `web`."
        )
    if lacking := [zone for zone in inputs["zones"] or names[:3] if zone not in suitable]:
        raise CommandError(
            f"There is no {kind} in {', '.join(lacking)}. Add to terraform/{deployment.name}.tfvars, before the first deploy:\n"
            f"  zones = {json.dumps(suitable[:3])}"
        )


def create_service_roles(deployment):
    """Creates the service-linked roles that a new account lacks. A service creates its role at first use,
    but that use can fail because the role is not ready."""
    iam = deployment.client("iam")
    for service in SERVICES:
        if not iam.list_roles(PathPrefix=f"/aws-service-role/{service}/")["Roles"]:
            say(f"The service-linked role of {service} does not exist and is created.")
            iam.create_service_linked_role(AWSServiceName=service)


def delete_leftover_log_groups(deployment, state):
    """Deletes log groups of an earlier database: RDS creates them again with the last lines of a database
    that Terraform deletes, and the next apply would fail because they exist."""
    logs = deployment.client("logs")
    managed = {attributes.get("name") for address, attributes in state.managed.items() if ".aws_cloudwatch_log_group." in address}
    pages = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=f"/aws/rds/instance/{deployment.name}/")
    for group in [group["logGroupName"] for page in pages for group in page["logGroups"]]:
        if group not in managed:
            say(f"The log group {group} of a deleted database is deleted.")
            logs.delete_log_group(logGroupName=group)
