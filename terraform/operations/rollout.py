"""Waits for a deploy to take effect: first the instance refresh, then the health of the site."""

import time
import urllib.error
import urllib.request

from botocore.exceptions import ClientError

from operations.console import CommandError, say, timeout_minutes

# The first start installs Docker, pulls the image and creates the database schema.
TIMEOUT_MINUTES = 30
POLL_SECONDS = 5

IN_PROGRESS = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"}


class Rollout:
    """The instance refresh that a new image, setting or operating system starts: AWS launches new
    instances, waits until they are healthy and terminates old ones, or rolls back."""

    def __init__(self, deployment):
        self.client = deployment.client("autoscaling")
        self.group = f"{deployment.name}-web"
        # Refreshes that ended before this deploy are ignored.
        self.ended_before = {refresh["InstanceRefreshId"] for refresh in self.refreshes() if refresh["Status"] not in IN_PROGRESS}

    def refreshes(self):
        try:
            return self.client.describe_instance_refreshes(AutoScalingGroupName=self.group)["InstanceRefreshes"]
        except ClientError as error:
            # The group does not exist before the first deploy.
            if error.response["Error"]["Code"] == "ValidationError":
                return []
            raise

    def wait(self, group):
        self.group = group
        deadline = time.monotonic() + 60 * timeout_minutes(TIMEOUT_MINUTES)
        shown = None
        while True:
            # AWS lists the newest first; a new refresh replaces the running one.
            refreshes = [refresh for refresh in self.refreshes() if refresh["InstanceRefreshId"] not in self.ended_before]
            if not refreshes:
                return
            status, percent = refreshes[0]["Status"], refreshes[0].get("PercentageComplete", 0)
            if (status, percent) != shown:
                say(f"Instance refresh: {status}, {percent} %")
                shown = status, percent
            if status == "Successful":
                return
            if status not in IN_PROGRESS:
                raise CommandError(
                    f"The instance refresh failed ({status}): {refreshes[0].get('StatusReason', 'AWS gives no reason')}\n"
                    "If AWS rolled back, the old instances still serve the site. make logs shows the output of the new ones."
                )
            sleep_or_fail(deadline, "The instance refresh is not finished. It continues on AWS, which rolls back if the new instances do not become healthy.")


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
