"""A sandbox for the commands of operations/: a checkout, a fake AWS (moto on loopback, with additions),
a fake site, and fakes for Terraform's provider, Docker and the make goals that build.
"""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import boto3
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from processes import run
from support import ADMIN_PASSWORD, DEFAULTS, STAND_IN, TERRAFORM

ACCOUNT, REGION = "123456789012", "eu-west-1"
REAL_TERRAFORM = shutil.which("terraform")
FAKES = TERRAFORM / "checks" / "fakes"
TARGET = Path(os.environ.get("CARGO_TARGET_DIR") or TERRAFORM.parent / "target")

MAKEFILE = """\
functions:
\t@echo "make functions $(LAMBDA_ARCH)" >> "$(SANDBOX)/calls"
\t@mkdir -p target/lambda && cp -R terraform/tests/lambda/. target/lambda/
image:
\t@echo "make image $(IMAGE_ARCH)" >> "$(SANDBOX)/calls"
"""


class QuietRequestHandler(MotoRequestHandler):
    def log_request(self, *_):
        pass


class FakeAws:
    """moto, with message move tasks, instance refreshes, quotas and the plan of the account, which it lacks."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.server = make_server("127.0.0.1", 0, self.answer, True, request_handler=QuietRequestHandler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        # Instance refreshes, newest first, and the digest of an image whose instances never become healthy.
        self.refreshes = []
        self.broken_image = None
        # The quotas by code, and "FREE" or "PAID".
        self.quotas = {"L-1216C47A": 32, "L-0263D0A3": 5, "L-B99A9384": 1000}
        self.plan = "PAID"
        self.tasks = {}
        self.error = None

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    def reset(self):
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request).close()

    def client(self, service):
        return boto3.client(service, region_name=REGION, endpoint_url=self.url)

    def answer(self, environ, start_response):
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if self.error:
            return respond(start_response, self.error, "text/xml", "403 Forbidden")
        if target.endswith(".GetServiceQuota"):
            code = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))["QuotaCode"]
            return respond(start_response, json.dumps({"Quota": {"QuotaCode": code, "Value": self.quotas[code]}}), "application/x-amz-json-1.1")
        if target.endswith(".GetAccountPlanState"):
            return respond(start_response, json.dumps({"accountPlanType": self.plan}), "application/x-amz-json-1.0")
        if target.endswith("MessageMoveTask") or target.endswith("MessageMoveTasks"):
            request = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
            return respond(start_response, json.dumps(getattr(self, target.split(".")[1])(request)), "application/x-amz-json-1.0")
        if ".autoscaling." in environ.get("HTTP_AUTHORIZATION", "").replace("/", ".") and environ["REQUEST_METHOD"] == "POST":
            body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
            request = {name: values[0] for name, values in urllib.parse.parse_qs(body.decode()).items()}
            if request["Action"].endswith(("InstanceRefresh", "InstanceRefreshes")):
                status, result = getattr(self, request["Action"])(request)
                return respond(start_response, result, "text/xml", status)
            environ["wsgi.input"] = io.BytesIO(body)
        return self.moto(environ, start_response)

    def StartInstanceRefresh(self, request):  # noqa: N802, as AWS calls it
        if self.refreshes and len(self.refreshes[0]["states"]) > 1:
            return "400 Bad Request", "<ErrorResponse><Error><Code>InstanceRefreshInProgress</Code><Message>One is in progress.</Message></Error></ErrorResponse>"
        template = {
            "LaunchTemplateName": request["DesiredConfiguration.LaunchTemplate.LaunchTemplateName"],
            "Version": request["DesiredConfiguration.LaunchTemplate.Version"],
        }
        (version,) = self.client("ec2").describe_launch_template_versions(
            LaunchTemplateName=template["LaunchTemplateName"], Versions=[template["Version"]]
        )["LaunchTemplateVersions"]
        script = base64.b64decode(version["LaunchTemplateData"]["UserData"]).decode()
        is_broken = self.broken_image and self.broken_image in script
        if is_broken and request["Preferences.AutoRollback"] != "true":
            states = ["Pending", "Failed"]
        else:
            states = ["Pending", "InProgress", *(["RollbackInProgress", "RollbackSuccessful"] if is_broken else ["Successful"])]
        identifier = f"refresh-{len(self.refreshes) + 1}"
        self.refreshes.insert(0, {"id": identifier, "states": states, "template": template, "group": request["AutoScalingGroupName"]})
        return "200 OK", self.refresh_response("StartInstanceRefresh", f"<InstanceRefreshId>{identifier}</InstanceRefreshId>")

    def CancelInstanceRefresh(self, _):  # noqa: N802
        self.refreshes[0]["states"] = ["Cancelling", "Cancelled"]
        return "200 OK", self.refresh_response("CancelInstanceRefresh", f"<InstanceRefreshId>{self.refreshes[0]['id']}</InstanceRefreshId>")

    def DescribeInstanceRefreshes(self, _):  # noqa: N802
        """Each request returns the next state of every refresh; the last state stays."""
        members = ""
        for refresh in self.refreshes:
            state = refresh["states"][0]
            if len(refresh["states"]) > 1:
                refresh["states"].pop(0)
            elif state == "Successful" and not refresh.get("saved"):
                refresh["saved"] = True
                self.save(refresh)
            template = "".join(f"<{name}>{value}</{name}>" for name, value in refresh["template"].items())
            members += (
                f"<member><InstanceRefreshId>{refresh['id']}</InstanceRefreshId><Status>{state}</Status><PercentageComplete>50</PercentageComplete>"
                f"<DesiredConfiguration><LaunchTemplate>{template}</LaunchTemplate></DesiredConfiguration></member>"
            )
        return "200 OK", self.refresh_response("DescribeInstanceRefreshes", f"<InstanceRefreshes>{members}</InstanceRefreshes>")

    def save(self, refresh):
        """"Once the instance refresh succeeds, Amazon EC2 Auto Scaling updates the settings of the Auto
        Scaling group to reflect the new desired configuration." StartInstanceRefresh,
        https://docs.aws.amazon.com/autoscaling/ec2/APIReference/API_StartInstanceRefresh.html

        A refresh that is rolled back changes nothing: the group has what Terraform gave it."""
        self.client("autoscaling").update_auto_scaling_group(AutoScalingGroupName=refresh["group"], LaunchTemplate=refresh["template"])
        # moto shows the default version of the template as the version of every instance.
        self.client("ec2").modify_launch_template(
            LaunchTemplateName=refresh["template"]["LaunchTemplateName"], DefaultVersion=refresh["template"]["Version"]
        )

    @staticmethod
    def refresh_response(action, result):
        return (
            f'<{action}Response xmlns="http://autoscaling.amazonaws.com/doc/2011-01-01/"><{action}Result>{result}</{action}Result></{action}Response>'
        )

    def StartMessageMoveTask(self, request):  # noqa: N802, as AWS calls it
        source = request["SourceArn"]
        self.tasks[source] = {"moved": 0, "destination": request["DestinationArn"]}
        self.tasks[source]["total"] = len(self.move(source, count_only=True))
        return {"TaskHandle": source}

    def ListMessageMoveTasks(self, request):  # noqa: N802
        """Each request moves one message."""
        source = request["SourceArn"]
        task = self.tasks.get(source)
        if task is None:
            return {"Results": []}
        task["moved"] += len(self.move(source))
        done = task["moved"] >= task["total"]
        return {"Results": [{
            "Status": "COMPLETED" if done else "RUNNING", "SourceArn": source, "DestinationArn": task["destination"],
            "ApproximateNumberOfMessagesMoved": task["moved"], "ApproximateNumberOfMessagesToMove": task["total"],
        }]}

    def move(self, source, count_only=False):
        sqs = self.client("sqs")
        url = sqs.get_queue_url(QueueName=source.split(":")[-1])["QueueUrl"]
        messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10 if count_only else 1, VisibilityTimeout=0)
        messages = messages.get("Messages", [])
        if not count_only:
            target = sqs.get_queue_url(QueueName=self.tasks[source]["destination"].split(":")[-1])["QueueUrl"]
            for message in messages:
                sqs.send_message(QueueUrl=target, MessageBody=message["Body"])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return messages


def respond(start_response, text, kind, status="200 OK"):
    body = text.encode()
    start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]


class FakeSite(BaseHTTPRequestHandler):
    """The deployed site. Its host name does not resolve, so requests come through this as a proxy."""

    answers = {}
    requests = []

    def do_GET(self):  # noqa: N802
        path = urllib.parse.urlsplit(self.path).path
        self.requests.append(path)
        states = self.answers.get(path, [200])
        self.send_response(states.pop(0) if len(states) > 1 else states[0])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Sandbox:
    def __init__(self):
        self.aws = FakeAws()
        self.site = ThreadingHTTPServer(("127.0.0.1", 0), FakeSite)
        threading.Thread(target=self.site.serve_forever, daemon=True).start()
        FakeSite.answers, FakeSite.requests = {}, []
        self.scratch = tempfile.TemporaryDirectory(prefix="vitrine-sandbox-")
        self.folder = Path(self.scratch.name) / "files"
        self.folder.mkdir()
        (self.folder / "calls").touch()
        self.tools = Path(self.scratch.name) / "tools"
        self.tools.mkdir()
        for tool in FAKES.iterdir():
            # They need this Python, which has boto3.
            script = f"#!/bin/sh\nexec '{sys.executable}' '{tool}' \"$@\"\n"
            self.tool(tool.name, script)
        self.checkout = self.clone("checkout")

    def stop(self):
        self.aws.reset()
        self.aws.stop()
        self.site.shutdown()
        self.site.server_close()
        self.scratch.cleanup()

    def tool(self, name, script):
        (self.tools / name).write_text(script)
        (self.tools / name).chmod(0o755)

    def clone(self, name):
        """A new checkout, committed with a fixed author and date: all have the same revision."""
        checkout = Path(self.scratch.name) / name
        ignore = shutil.ignore_patterns(".terraform*", "checks", "*.tfvars", "*.hcl", "__pycache__")
        shutil.copytree(TERRAFORM, checkout / "terraform", ignore=ignore)
        (checkout / "Makefile").write_text(MAKEFILE)
        (checkout / "Cargo.toml").write_text('[workspace]\nmembers = []\n\n[workspace.package]\nedition = "2024"\nversion = "0.1.0"\n')
        (checkout / ".gitignore").write_text("/target/\n.terraform*\n*.tfvars\n")
        (checkout / "target" / "operations").mkdir(parents=True)
        (checkout / "target" / "operations" / "venv").symlink_to(TARGET.absolute() / "operations" / "venv")
        git_environment = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull, "PATH": os.environ["PATH"]}
        git_environment |= {f"GIT_{role}_{field}": value for role in ("AUTHOR", "COMMITTER") for field, value in (
            ("NAME", "A"), ("EMAIL", "a@example.org"), ("DATE", "2026-11-21T10:00:00Z"))}
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "A version"]):
            git = run(["git", *command], 60, cwd=checkout, env=git_environment)
            assert git.returncode == 0, git.stderr
        return checkout

    def write_variables(self, **variables):
        values = {"admin_cidrs": DEFAULTS["admin_cidrs"], "ssh_public_key": DEFAULTS["ssh_public_key"], "captioner": "describe"}
        lines = [f"{name} = {json.dumps(value)}" for name, value in (values | variables).items() if value is not None]
        (self.checkout / "terraform" / "vitrine.tfvars").write_text("\n".join(lines) + "\n")

    def environment(self, **more):
        env = {
            "PATH": f"{self.tools}:{os.environ['PATH']}", "HOME": str(self.folder), "TF_CLI_CONFIG_FILE": os.devnull,
            "AWS_ENDPOINT_URL": self.aws.url, "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1",
            "http_proxy": f"http://127.0.0.1:{self.site.server_port}", "no_proxy": "127.0.0.1",
            "SANDBOX": str(self.folder), "CHECKOUT": str(self.checkout), "REAL_TERRAFORM": REAL_TERRAFORM or "",
            "VITRINE_TERRAFORM_STAND_IN": STAND_IN, "YES": "1", "TF_VAR_admin_password": ADMIN_PASSWORD,
            # The stand-in caches its plugins in the real home folder.
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
            "GIT_CONFIG_GLOBAL": os.devnull, "TF_CLI_ARGS": "-no-color",
        } | more
        return {name: value for name, value in env.items() if value is not None}

    def operate(self, command, **more):
        """Runs a command; returns its exit status and its output."""
        ran = run(
            [self.checkout / "terraform" / "operate", command], 900, env=self.environment(**more), stderr=subprocess.STDOUT
        )
        return ran.returncode, ran.stdout

    def take_calls(self):
        """The calls of fakes and make goals since the last time."""
        calls = (self.folder / "calls").read_text().splitlines()
        (self.folder / "calls").write_text("")
        return calls
