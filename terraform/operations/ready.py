"""Waiting until what was deployed is there: first the new instances, then the site."""

import time
import urllib.error
import urllib.request

from botocore.exceptions import ClientError

from operations.console import Stop, minutes, say

# A first start brings Docker and the image to the instances and the schema into the database.
PATIENCE_MINUTES = 30
SECONDS_BETWEEN = 5

UNDER_WAY = {"Pending", "InProgress", "Cancelling", "RollbackInProgress", "Baking"}


class Rollout:
    """The instance refresh that a changed image, setting or operating system starts: AWS brings new
    instances, waits until they are healthy, then takes old ones away, or goes back."""

    def __init__(self, place):
        self.client = place.client("autoscaling")
        self.group = f"{place.name}-web"
        # Those from before are nobody's business, unless they still run.
        self.before = {refresh["InstanceRefreshId"] for refresh in self.refreshes() if refresh["Status"] not in UNDER_WAY}

    def refreshes(self):
        try:
            return self.client.describe_instance_refreshes(AutoScalingGroupName=self.group)["InstanceRefreshes"]
        except ClientError as error:
            # The group is made by the first deploy.
            if error.response["Error"]["Code"] == "ValidationError":
                return []
            raise

    def wait(self, group):
        self.group = group
        limit = time.monotonic() + 60 * minutes(PATIENCE_MINUTES)
        shown = None
        while True:
            # The newest comes first; it takes the place of those before it.
            new = [refresh for refresh in self.refreshes() if refresh["InstanceRefreshId"] not in self.before]
            if not new:
                return
            status, done = new[0]["Status"], new[0].get("PercentageComplete", 0)
            if (status, done) != shown:
                say(f"New instances: {status}, {done} %")
                shown = status, done
            if status == "Successful":
                return
            if status not in UNDER_WAY:
                raise Stop(
                    f"The new instances did not come to stay ({status}): {new[0].get('StatusReason', 'AWS does not say why')}\n"
                    "The site goes on with the old ones where AWS went back to them. make logs shows what the new ones wrote."
                )
            pause(limit, "The new instances are still not all there. AWS goes on with it, and goes back if they do not become healthy.")


def await_health(place, outputs, inputs):
    """Until /health says that the process lives and /health/ready that it has its database and store."""
    limit = time.monotonic() + 60 * minutes(PATIENCE_MINUTES)
    shown = None
    for path in ("/health", "/health/ready"):
        while (answer := ask(outputs["url"] + path)) != "200":
            if (path, answer) != shown:
                say(f"{path}: {answer}")
                shown = path, answer
            pause(limit, advice(place, outputs, inputs, path, answer))
        say(f"{path}: 200")


def ask(url):
    """The status of the answer, or why there is none."""
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except (urllib.error.URLError, OSError) as error:
        return f"no answer ({getattr(error, 'reason', error)})"


def pause(limit, what_to_do):
    left = limit - time.monotonic()
    if left <= 0:
        raise Stop(f"{what_to_do}\nEverything that was made is still there; make deploy looks once more. WAIT_MINUTES=60 waits longer.")
    time.sleep(min(SECONDS_BETWEEN, left))


def advice(place, outputs, inputs, path, answer):
    lines = [f"{outputs['url']}{path} does not answer as it should: {answer}. Look at"]
    lines.append("  make logs                  what the web process wrote, if it came to write anything")
    if inputs["shell_access"] != "none":
        lines.append("  make ssh                   then: systemctl status vitrine; journalctl -u vitrine; cat /var/log/cloud-init-output.log")
    lines.append(f"  the target group {place.name} in EC2's console: why the load balancer takes no instance")
    if inputs["domain"]:
        lines.append(f"  the name {inputs['domain']['name']}: does it lead to {outputs['load_balancer_dns_name']}?")
    lines.append(f"  allowed_cidrs in terraform/{place.name}.tfvars: do they let this machine in?")
    return "\n".join(lines)
