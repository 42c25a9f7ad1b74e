"""make ssh: opens a shell on a web instance, by the method that `shell_access` selects."""

import os
import shutil
import subprocess

from operations.console import CommandError, say
from operations.state import require_deployed
from operations.variables import open_deployment

USER = "ec2-user"
CLI = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
PLUGIN = "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html"


def main():
    deployment, _ = open_deployment()
    outputs = require_deployed(deployment).outputs
    access = outputs["shell_access"]
    if access == "none":
        raise CommandError(f'shell_access is "none": change it in terraform/{deployment.name}.tfvars, then make deploy.')
    instance, address = find_instance(deployment, outputs["autoscaling_group"])
    command = COMMANDS[access](deployment, outputs, instance, address)
    say(f"{instance} ({address}): {' '.join(command)}")
    os.environ["AWS_REGION"] = deployment.region
    os.execvp(command[0], command)


def find_instance(deployment, group):
    """The instance that INSTANCE names, or the first one in service, with its private address."""
    (group,) = deployment.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    instances = [instance for instance in group["Instances"] if instance["LifecycleState"] == "InService"]
    # Healthy instances first, in a stable order.
    instances.sort(key=lambda instance: (instance["HealthStatus"].lower() != "healthy", instance["InstanceId"]))
    in_service = [instance["InstanceId"] for instance in instances]
    requested = os.environ.get("INSTANCE")
    if requested and requested not in [instance["InstanceId"] for instance in group["Instances"]]:
        raise CommandError(f"Invalid INSTANCE={requested}: expected one of {', '.join(in_service) or 'the instances in service, of which there are none'}")
    if not (requested or in_service):
        raise CommandError("No instance is in service. The activity history of the auto-scaling group in the EC2 console shows why.")
    if len(in_service) > 1:
        say(f"In service: {', '.join(in_service)}. INSTANCE=… selects one.")
    selected = requested or in_service[0]
    (reservation,) = deployment.client("ec2").describe_instances(InstanceIds=[selected])["Reservations"]
    return selected, reservation["Instances"][0]["PrivateIpAddress"]


def through_bastion(deployment, outputs, instance, address):
    # Private addresses are reused, instance ids are not, so the host key is stored by instance id.
    return ["ssh", "-J", f"{USER}@{outputs['bastion_address']}", "-o", f"HostKeyAlias={instance}", f"{USER}@{address}"]


def through_endpoint(deployment, outputs, instance, address):
    # EC2 Instance Connect pushes a temporary key that is valid for a minute.
    require_cli(2)
    return [
        "aws", "ec2-instance-connect", "ssh", "--region", deployment.region,
        "--instance-id", instance, "--connection-type", "eice", "--os-user", USER,
    ]


def through_session_manager(deployment, outputs, instance, address):
    require_cli(1)
    if not shutil.which("session-manager-plugin"):
        raise CommandError(f"Session Manager needs AWS's session-manager-plugin, which no package registry has: {PLUGIN}")
    return ["aws", "ssm", "start-session", "--region", deployment.region, "--target", instance]


def require_cli(oldest):
    if not shutil.which("aws"):
        raise CommandError(f"This method needs the AWS CLI, version 2: {CLI}")
    result = subprocess.run(["aws", "--version"], capture_output=True, text=True)
    version = result.stdout.removeprefix("aws-cli/").split(" ")[0]
    if not version.split(".")[0].isdigit() or int(version.split(".")[0]) < oldest:
        raise CommandError(f"This method needs the AWS CLI, version 2; installed is {version or 'an unknown version'}: {CLI}")


COMMANDS = {
    "bastion": through_bastion,
    "instance_connect": through_endpoint,
    "session_manager": through_session_manager,
}
