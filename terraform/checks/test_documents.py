"""What documents say that a user copies or looks up: the workflow, and tables that a script makes."""

import json
import re
import unittest

import yaml

from processes import run
from support import REPOSITORY, TERRAFORM

ACTIONS = (REPOSITORY / "docs/github-actions.md").read_text()


def fenced(language):
    (text,) = re.findall(rf"^```{language}\n(.*?)^```$", ACTIONS, flags=re.MULTILINE | re.DOTALL)
    return text


class Documents(unittest.TestCase):
    def test_tables_in_readmes_are_up_to_date(self):
        tables = run([TERRAFORM / "tables", "--check"], 60)
        self.assertEqual((tables.returncode, tables.stdout), (0, ""), "run terraform/tables")

    def test_the_workflow_runs_commands_that_exist(self):
        (job,) = yaml.safe_load(fenced("yaml"))["jobs"].values()
        targets = [step["run"].removeprefix("make ") for step in job["steps"] if "run" in step]
        self.assertIn("deploy", targets)
        makefile = (REPOSITORY / "Makefile").read_text()
        for target in targets:
            self.assertRegex(makefile, rf"(?m)^{target}:")

    def test_the_workflow_gets_credentials_for_its_environment_only(self):
        # A job needs "id-token: write" to request a token, whose subject is repo:ORG/REPO:environment:NAME for a
        # job with an environment. Configuring OpenID Connect in Amazon Web Services,
        # https://docs.github.com/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
        workflow = yaml.safe_load(fenced("yaml"))
        (job,) = workflow["jobs"].values()
        self.assertEqual(workflow["permissions"]["id-token"], "write")
        (statement,) = json.loads(fenced("json"))["Statement"]
        ((operator, conditions),) = statement["Condition"].items()
        self.assertEqual(operator, "StringEquals", "a pattern could match more")
        issuer = "token.actions.githubusercontent.com"
        self.assertTrue(conditions[f"{issuer}:sub"].endswith(f":environment:{job['environment']}"))
        self.assertEqual(conditions[f"{issuer}:aud"], "sts.amazonaws.com")
        self.assertNotIn("AWS_ACCESS_KEY_ID", ACTIONS)


if __name__ == "__main__":
    unittest.main()
