"""make ssh: a shell on a web instance, by the way that `shell_access` says."""

import os
import shutil
import subprocess

from operations.console import Stop, say
from operations.state import deployed
from operations.variables import settle

USER = "ec2-user"
CLI = "https://docs.aws.amazon.com/cli/latest/userguide/getting-started-install.html"
PLUGIN = "https://docs.aws.amazon.com/systems-manager/latest/userguide/session-manager-working-with-install-plugin.html"


def main():
    place, _ = settle()
    outputs = deployed(place).outputs
    access = outputs["shell_access"]
    if access == "none":
        raise Stop(f'shell_access is "none": set another in terraform/{place.name}.tfvars, then make deploy.')
    instance, address = find_instance(place, outputs["autoscaling_group"])
    command = COMMANDS[access](place, outputs, instance, address)
    say(f"{instance} ({address}): {' '.join(command)}")
    os.environ["AWS_REGION"] = place.region
    os.execvp(command[0], command)


def find_instance(place, group):
    """The instance of INSTANCE, or the first one in service; with its private address."""
    (group,) = place.client("autoscaling").describe_auto_scaling_groups(AutoScalingGroupNames=[group])["AutoScalingGroups"]
    instances = [instance for instance in group["Instances"] if instance["LifecycleState"] == "InService"]
    # The healthy ones first, and always in the same order.
    instances.sort(key=lambda instance: (instance["HealthStatus"].lower() != "healthy", instance["InstanceId"]))
    there = [instance["InstanceId"] for instance in instances]
    wanted = os.environ.get("INSTANCE")
    if wanted and wanted not in [instance["InstanceId"] for instance in group["Instances"]]:
        raise Stop(f"INSTANCE={wanted} is none of {', '.join(there) or 'those in service, of which there are none'}")
    if not (wanted or there):
        raise Stop("No instance is in service. The auto-scaling group's activities in EC2's console say why.")
    if len(there) > 1:
        say(f"In service: {', '.join(there)}. INSTANCE=… chooses one.")
    chosen = wanted or there[0]
    (reservation,) = place.client("ec2").describe_instances(InstanceIds=[chosen])["Reservations"]
    return chosen, reservation["Instances"][0]["PrivateIpAddress"]


def through_bastion(place, outputs, instance, address):
    # Addresses are used again, instances are not: the key of a host is kept by instance.
    return ["ssh", "-J", f"{USER}@{outputs['bastion_address']}", "-o", f"HostKeyAlias={instance}", f"{USER}@{address}"]


def through_endpoint(place, outputs, instance, address):
    # It signs in with a key of its own that is good for a minute.
    require_cli(2)
    return [
        "aws", "ec2-instance-connect", "ssh", "--region", place.region,
        "--instance-id", instance, "--connection-type", "eice", "--os-user", USER,
    ]


def through_session_manager(place, outputs, instance, address):
    require_cli(1)
    if not shutil.which("session-manager-plugin"):
        raise Stop(f"Shells through Session Manager need AWS's session-manager-plugin, which is in no package registry: {PLUGIN}")
    return ["aws", "ssm", "start-session", "--region", place.region, "--target", instance]


def require_cli(oldest):
    if not shutil.which("aws"):
        raise Stop(f"This way needs the AWS CLI, version 2: {CLI}")
    answer = subprocess.run(["aws", "--version"], capture_output=True, text=True)
    version = answer.stdout.removeprefix("aws-cli/").split(" ")[0]
    if not version.split(".")[0].isdigit() or int(version.split(".")[0]) < oldest:
        raise Stop(f"This way needs the AWS CLI, version 2, and this is {version or 'of no known version'}: {CLI}")


COMMANDS = {
    "bastion": through_bastion,
    "instance_connect": through_endpoint,
    "session_manager": through_session_manager,
}
