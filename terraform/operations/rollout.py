"""Rolls out a new version of the launch template, and waits for the health of the site."""

import base64
import re
import time
import urllib.error
import urllib.request

from operations.console import CommandError, say, timeout_minutes

# The first start installs Docker, pulls the image and creates the database schema.
TIMEOUT_MINUTES = 30
POLL_SECONDS = 5

IN_PROGRESS = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"}

# Old instances are terminated after new ones are healthy, so capacity never drops.
PREFERENCES = {
    "MinHealthyPercentage": 100, "MaxHealthyPercentage": 150, "InstanceWarmup": 180, "AutoRollback": True, "SkipMatching": True,
}


class Rollout:
    """An instance refresh to the newest version of the launch template, which a new image, setting or
    operating system creates. AWS launches new instances, waits until they are healthy, and terminates
    old ones. Only then it gives the new version to the group. Terraform leaves the version of the
    group alone: AWS rolls back to it, and instances of a scale-out have it in the meantime."""

    def __init__(self, deployment, outputs):
        self.autoscaling = deployment.client("autoscaling")
        self.ec2 = deployment.client("ec2")
        self.group = outputs["autoscaling_group"]
        self.template = outputs["launch_template"]["name"]
        self.version = outputs["launch_template"]["version"]
        self.deadline = time.monotonic() + 60 * timeout_minutes(TIMEOUT_MINUTES)

    def run(self):
        running = next((refresh for refresh in self.refreshes() if refresh["Status"] in IN_PROGRESS), None)
        if running and version_of(running.get("DesiredConfiguration", {})) != self.version:
            say("An instance refresh to another version is running and is cancelled.")
            self.autoscaling.cancel_instance_refresh(AutoScalingGroupName=self.group)
            self.follow(running["InstanceRefreshId"])
            running = None
        if not running and self.is_done():
            say(f"All web instances have version {self.version} of the launch template.")
            return
        identifier = running["InstanceRefreshId"] if running else self.start()
        refresh = self.follow(identifier)
        if refresh["Status"] != "Successful":
            raise CommandError(self.failure(refresh))
        say(f"The web instances run {self.image(self.version)}, version {self.version} of the launch template.")

    def refreshes(self):
        """All instance refreshes, newest first."""
        return self.autoscaling.describe_instance_refreshes(AutoScalingGroupName=self.group)["InstanceRefreshes"]

    def is_done(self):
        group = self.describe_group()
        return {version_of(part) for part in (group, *group["Instances"])} == {self.version}

    def describe_group(self):
        (group,) = self.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=[self.group])["AutoScalingGroups"]
        return group

    def start(self):
        return self.autoscaling.start_instance_refresh(
            AutoScalingGroupName=self.group,
            DesiredConfiguration={"LaunchTemplate": {"LaunchTemplateName": self.template, "Version": self.version}},
            Preferences=PREFERENCES,
        )["InstanceRefreshId"]

    def follow(self, identifier):
        """Waits for the end of an instance refresh; returns it."""
        shown = None
        while True:
            (refresh,) = [refresh for refresh in self.refreshes() if refresh["InstanceRefreshId"] == identifier]
            progress = refresh["Status"], refresh.get("PercentageComplete", 0)
            if progress != shown:
                say("Instance refresh: {}, {} %".format(*progress))
                shown = progress
            if refresh["Status"] not in IN_PROGRESS:
                return refresh
            sleep_or_fail(self.deadline, "The instance refresh is not finished. It continues on AWS, which rolls back if the new instances do not become healthy.")

    def failure(self, refresh):
        version = version_of(self.describe_group())
        return (
            f"The instance refresh to version {self.version} of the launch template failed ({refresh['Status']}): "
            f"{refresh.get('StatusReason', 'AWS gives no reason')}\n"
            f"The group still has version {version}, with the image {self.image(version)}; AWS launches new instances with it.\n"
            + ("AWS has replaced the failed instances with it as well.\n" if refresh["Status"] == "RollbackSuccessful" else "")
            + "make logs shows the output of the instances that failed. Run make deploy again after the cause is fixed."
        )

    def image(self, version):
        """The web image of a version of the launch template, the first one in the set-up script."""
        (found,) = self.ec2.describe_launch_template_versions(LaunchTemplateName=self.template, Versions=[version])["LaunchTemplateVersions"]
        script = base64.b64decode(found["LaunchTemplateData"]["UserData"]).decode()
        return re.search(r"\S+@sha256:[0-9a-f]{64}", script)[0]


def version_of(part):
    return part.get("LaunchTemplate", {}).get("Version")


def wait_for_health(deployment, outputs, inputs):
    """Waits until /health (the process runs) and /health/ready (database and store work) answer 200."""
    deadline = time.monotonic() + 60 * timeout_minutes(TIMEOUT_MINUTES)
    shown = None
    for path in ("/health", "/health/ready"):
        while (status := get_status(outputs["url"] + path)) != "200":
            if (path, status) != shown:
                say(f"{path}: {status}")
                shown = path, status
            sleep_or_fail(deadline, troubleshooting(deployment, outputs, inputs, path, status))
        say(f"{path}: 200")


def get_status(url):
    """The HTTP status, or why there is none, as text."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except (urllib.error.URLError, OSError) as error:
        return f"no answer ({getattr(error, 'reason', error)})"


def sleep_or_fail(deadline, message):
    left = deadline - time.monotonic()
    if left <= 0:
        raise CommandError(f"{message}\nNothing was undone. Run make deploy again to check once more, with WAIT_MINUTES=60 to wait longer.")
    time.sleep(min(POLL_SECONDS, left))


def troubleshooting(deployment, outputs, inputs, path, status):
    lines = [f"{outputs['url']}{path} is not healthy: {status}. Check"]
    lines.append("  make logs                  the output of the web process, if it started")
    if inputs["shell_access"] != "none":
        lines.append("  make ssh                   then: systemctl status vitrine; journalctl -u vitrine; cat /var/log/cloud-init-output.log")
    lines.append(f"  the target group {deployment.name} in the EC2 console: why instances are unhealthy")
    if inputs["domain"]:
        lines.append(f"  the DNS name {inputs['domain']['name']}: it has to resolve to {outputs['load_balancer_dns_name']}")
    lines.append(f"  allowed_cidrs in terraform/{deployment.name}.tfvars: it has to include this machine")
    return "\n".join(lines)
