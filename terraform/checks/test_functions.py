"""Every list of the functions agrees with the programs in functions/src/bin."""

import base64
import json
import os
import re
import shutil
import tempfile
import unittest
from pathlib import Path

from processes import run
from sandbox import REAL_TERRAFORM
from support import DEFAULTS, FUNCTIONS, REPOSITORY, TERRAFORM, defaults, needs_stand_in

# Enough to evaluate the variables without a provider.
VARIABLE_FILES = ("variables.tf", "sizes.tf")
OUTPUT = 'output "functions" {\n  value = keys(local.function_defaults)\n}\n'


def enums(text):
    """The string values of each Rust enum that is stored as text, by the enum's name."""
    found = {}
    for name, body in re.findall(r"^pub enum (\w+) \{\n(.*?)^\}", text, flags=re.MULTILINE | re.DOTALL):
        if values := re.findall(r'string_value = "(\w+)"', body):
            found[name] = tuple(sorted(values))
    return found


class Functions(unittest.TestCase):
    def test_there_are_programs(self):
        self.assertIn("annotate", FUNCTIONS)

    def test_one_enum_of_the_database_model_lists_them(self):
        # Found by its values, so that the enum and its file can be renamed.
        found = {
            f"{path.relative_to(REPOSITORY)}: {name}": values
            for path in (REPOSITORY / "entity/src").rglob("*.rs")
            for name, values in enums(path.read_text()).items()
        }
        self.assertEqual(list(found.values()).count(FUNCTIONS), 1, f"no enum has the values {FUNCTIONS}, or several have: {found}")

    @unittest.skipUnless(REAL_TERRAFORM, "terraform is not installed")
    def test_terraform_lists_them(self):
        with tempfile.TemporaryDirectory() as folder:
            for file in VARIABLE_FILES:
                shutil.copy(TERRAFORM / file, folder)
            (Path(folder) / "outputs.tf").write_text(OUTPUT)
            (Path(folder) / "terraform.tfvars.json").write_text(json.dumps(DEFAULTS))
            environment = os.environ | {"TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}
            for arguments in (["apply", "-auto-approve", "-no-color"], ["output", "-json"]):
                terraform = run([REAL_TERRAFORM, f"-chdir={folder}", *arguments], 120, env=environment)
                self.assertEqual(terraform.returncode, 0, terraform.stdout + terraform.stderr)
        self.assertEqual(tuple(sorted(json.loads(terraform.stdout)["functions"]["value"])), FUNCTIONS)

    @needs_stand_in
    def test_the_configuration_has_a_lambda_function_and_a_queue_for_each(self):
        for kind, attribute in (("aws_lambda_function", "function_name"), ("aws_sqs_queue", "name")):
            names = {resource[attribute] for resource in defaults().all(kind, "this").values()}
            self.assertEqual(names, {f"vitrine-{function}" for function in FUNCTIONS})

    @needs_stand_in
    def test_visibility_timeout_is_six_times_the_function_timeout(self):
        system = defaults()
        queues = {queue["arn"]: queue for queue in system.all("aws_sqs_queue", "this").values()}
        functions = {function["arn"]: function for function in system.all("aws_lambda_function").values()}
        found = {}
        for mapping in system.all("aws_lambda_event_source_mapping").values():
            queue, function = queues[mapping["event_source_arn"]], functions[mapping["function_name"]]
            self.assertEqual(mapping["function_response_types"], ["ReportBatchItemFailures"])
            found[function["function_name"]] = (function["timeout"], queue["visibility_timeout_seconds"])
        self.assertEqual(found.keys(), {f"vitrine-{function}" for function in FUNCTIONS})
        for function, (timeout, visibility_timeout) in found.items():
            self.assertEqual(visibility_timeout, 6 * timeout, function)
        sizes = {
            function["function_name"]: (function["timeout"], function["memory_size"]) for function in functions.values()
        }
        expected = {"vitrine-annotate": (150, 2048), "vitrine-thumbnail": (60, 2048), "vitrine-anonymise": (120, 2048)}
        self.assertLessEqual(expected.items(), sizes.items())

    @needs_stand_in
    def test_the_largest_picture_fits_the_memory_of_each_function(self):
        # "a single function can use up to 10,240 MB of memory": what it has been given, and no more. Lambda
        # quotas, https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        settings = (REPOSITORY / "docs/settings.md").read_text()
        megapixels = int(re.search(r"`VITRINE_MAX_MEGAPIXELS` \| (\d+)", settings)[1])
        # The share of the memory for pictures, less an eighth for files.
        budget = (REPOSITORY / "functions/src/pipeline/pixel_workers/budget.rs").read_text()
        share = int(re.search(r"const SHARE: u64 = (\d+);", budget)[1]) / 100 * 7 / 8
        # WebP needs the most: tenths of a byte for each pixel of a frame, and the canvas.
        webp = (REPOSITORY / "functions/src/picture/webp.rs").read_text()
        frame = max(int(tenths) for tenths in re.findall(r"Kind::\w+\(.*?\) => (\d+),", webp)) / 10
        canvas = int(re.search(r"covers_canvas\(\) \{ 0 \} else \{ (\d+) \}", webp)[1])
        for function in defaults().all("aws_lambda_function").values():
            needed = megapixels * 1_000_000 * (frame + canvas) / 1_048_576
            self.assertGreaterEqual(share * function["memory_size"], needed, function["function_name"])

    @needs_stand_in
    def test_all_connections_together_fit_the_database(self):
        # PostgreSQL takes "LEAST({DBInstanceClassMemory/9531392}, 5000)". Quotas and constraints for Amazon RDS,
        # maximum number of database connections,
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Limits.html
        # A db.t4g.small has 2 GiB; RDS takes some of them for itself.
        limit = 0.9 * 2 * 2**30 / 9531392
        script = base64.b64decode(defaults().one("aws_launch_template")["user_data"]).decode()
        pool = int(re.search(r"^DATABASE_MAX_CONNECTIONS=(\d+)$", script, re.MULTILINE)[1])
        instances = 1.5 * defaults().one("aws_autoscaling_group")["max_size"]
        executions = sum(
            mapping["scaling_config"][0]["maximum_concurrency"]
            for mapping in defaults().all("aws_lambda_event_source_mapping").values()
        )
        # Two are the pool of a function (docs/settings.md), one more is the try for a changed password.
        self.assertLessEqual(instances * (pool + 1) + executions * (2 + 1), limit)
        (alarm,) = (a for a in defaults().all("aws_cloudwatch_metric_alarm").values() if a["alarm_name"] == "vitrine-database-connections")
        self.assertLess(alarm["threshold"], limit)

    def test_there_is_a_zip_for_the_tests_of_each(self):
        zips = {path.parent.name for path in (TERRAFORM / "tests/lambda").glob("*/bootstrap.zip")}
        self.assertEqual(zips, set(FUNCTIONS))


if __name__ == "__main__":
    unittest.main()
