"""Shared by the tests: the applied configuration, and an evaluator for IAM policies.

The tests apply the root module to a stand-in for the AWS provider, which `terraform/check` finds.
Without one they are skipped: the real provider needs an account.
"""

import fnmatch
import functools
import json
import os
import re
import tempfile
import unittest
from pathlib import Path

import processes

TERRAFORM = Path(__file__).resolve().parent.parent
REPOSITORY = TERRAFORM.parent
STAND_IN = os.environ.get("VITRINE_TERRAFORM_STAND_IN", "")

# One for each program in functions/src/bin. test_functions.py compares every other list with it.
FUNCTIONS = tuple(sorted(path.stem for path in (REPOSITORY / "functions/src/bin").glob("*.rs")))

# The metrics that docs/telemetry.md lists; those of the machine are the last ten, whose names have no dot.
METRICS = set(re.findall(r"^\| `([a-z._]+)` \| `\w+` \|", (REPOSITORY / "docs/telemetry.md").read_text(), flags=re.MULTILINE))
MACHINE_METRICS = {name for name in METRICS if "." not in name}

DIGEST = "sha256:" + "0" * 64
GEMINI_KEY = "the-key-for-gemini"
ADMIN_PASSWORD = "correct horse battery staple"

# The required variables. All others have their defaults.
DEFAULTS = {
    "region": "eu-west-1",
    "image": f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/vitrine@{DIGEST}",
    "functions_directory": "tests/lambda",
    "admin_cidrs": ["203.0.113.7/32"],
    "ssh_public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEV4YW1wbGVFeGFtcGxlRXhhbXBsZUV4YW1wbGVFeGFt a@b",
    "gemini_api_key": GEMINI_KEY,
    "admin_password": ADMIN_PASSWORD,
}

# The other value of each variable that selects between two.
ALTERNATIVES = DEFAULTS | {
    "database": {"engine": "mysql", "instance_class": "db.t4g.medium"},
    "event_router": "sns",
    "notification_email": "editor@example.org",
    "web": {"scaling": {"kind": "steps"}},
    "domain": {"name": "photos.example.org", "zone_id": "Z1"},
    "rate_limit": 3000,
    "shell_access": "session_manager",
    "network": {"nat": "single", "interface_endpoints": ["sqs", "secretsmanager"]},
    "alarms": {"emails": ["ops@example.org"], "monthly_budget_usd": 250},
}

needs_stand_in = unittest.skipUnless(STAND_IN, "there is no stand-in for the AWS provider")


class System:
    """The root module, applied to the stand-in."""

    def __init__(self, variables):
        self.folder = tempfile.TemporaryDirectory(prefix="vitrine-terraform-")
        folder = Path(self.folder.name)
        self.state_file = folder / "terraform.tfstate"
        self.variables = folder / "variables.tfvars.json"
        self.variables.write_text(json.dumps(variables))
        self.terraform("apply", "-auto-approve")
        self.state_text = self.state_file.read_text()
        self.resources = [
            (resource["type"], resource.get("module", ""), resource["name"], instance)
            for resource in json.loads(self.state_text)["resources"]
            if resource["mode"] == "managed"
            for instance in resource["instances"]
        ]

    def terraform(self, command, *arguments):
        """Runs Terraform on the root module; returns its output."""
        run = processes.run(
            [STAND_IN, "--state", self.state_file, "--root", TERRAFORM, ".", command]
            + [*arguments, "-no-color", f"-var-file={self.variables}"],
            timeout=600,
        )
        if run.returncode != 0:
            raise AssertionError(f"terraform {command}:\n{run.stdout}{run.stderr}")
        return run.stdout

    def plan(self, *arguments, **variables):
        """The changes that an apply with other variables would make, by address."""
        before = self.variables.read_text()
        try:
            self.variables.write_text(json.dumps(json.loads(before) | variables))
            plan = json.loads(self.terraform("plan-json", *arguments))
        finally:
            self.variables.write_text(before)
        return {
            change["address"]: change["change"]
            for change in plan["resource_changes"]
            if change["mode"] == "managed" and change["change"]["actions"] != ["no-op"]
        }

    def changes(self, *arguments, **variables):
        """The actions of those changes, by address, for example "update" or "delete/create"."""
        return {address: "/".join(change["actions"]) for address, change in self.plan(*arguments, **variables).items()}

    def all(self, kind, name=None):
        """The attributes of all resources of a type, by address."""
        return {
            f"{module}.{resource}[{instance.get('index_key', '')}]": instance["attributes"]
            for type_, module, resource, instance in self.resources
            if type_ == kind and name in (None, resource)
        }

    def one(self, kind, name=None):
        """The attributes of the only resource of a type."""
        (attributes,) = self.all(kind, name).values()
        return attributes

    def policies(self):
        """The inline policies by the name of their role."""
        return {
            policy["role"]: Policy(policy["policy"])
            for policy in self.all("aws_iam_role_policy").values()
        }


@functools.cache
def defaults():
    return System(DEFAULTS)


@functools.cache
def alternatives():
    return System(ALTERNATIVES)


class Policy:
    """Evaluates a policy as AWS does, for the condition operators that occur here."""

    def __init__(self, text):
        self.statements = json.loads(text)["Statement"]

    def allows(self, action, resource, principal=None, source_function=None, namespace=None, prefix=None, **context):
        """Whether a statement allows it and none denies it. `source_function` is the ARN of the function
        whose code makes the request, `namespace` the one of a metric, `prefix` the one that is listed;
        `context` are condition keys without "aws:"."""
        context = {"aws:" + key: value for key, value in context.items()} | {
            "lambda:SourceFunctionArn": source_function, "cloudwatch:namespace": namespace, "s3:prefix": prefix,
        }
        effects = {
            statement["Effect"]
            for statement in self.statements
            if matches(statement["Action"], action)
            and matches(statement.get("Resource", "*"), resource)
            and principal_matches(statement.get("Principal"), principal)
            and all(
                condition_matches(operator, expected, context.get(key))
                for operator, pairs in statement.get("Condition", {}).items()
                for key, expected in pairs.items()
            )
        }
        return effects == {"Allow"}


def as_list(value):
    return value if isinstance(value, list) else [value]


def matches(patterns, value):
    # IAM patterns have no character classes: brackets are literal.
    return any(fnmatch.fnmatchcase(value, re.sub(r"\[", "[[]", pattern)) for pattern in as_list(patterns))


def principal_matches(principals, principal):
    """Policies of roles have no principal; others name a service, an account or everyone."""
    if principals is None:
        return principal is None
    if principals in ("*", {"AWS": "*"}):
        return True
    return any(principal in as_list(names) for names in principals.values())


def condition_matches(operator, expected, actual):
    if actual is None:
        return False
    if operator in ("StringEquals", "ArnEquals", "Bool"):
        return actual in as_list(expected)
    if operator in ("ArnLike", "StringLike"):
        return matches(expected, actual)
    raise NotImplementedError(operator)
