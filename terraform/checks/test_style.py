"""Conventions for modules, variables and tests that Terraform does not enforce."""

import re
import unittest

from support import TERRAFORM

FOLDERS = sorted({path.parent.parent for path in TERRAFORM.glob("**/tests/*.tftest.hcl")})


def blocks(folder, kind):
    """The top-level blocks of a kind in a folder's files, by name."""
    text = "\n".join(path.read_text() for path in sorted(folder.glob("*.tf")))
    return dict(re.findall(rf'^{kind} "(\w+)" {{\n(.*?)^}}$', text, flags=re.MULTILINE | re.DOTALL))


class Style(unittest.TestCase):
    def test_every_module_has_its_files(self):
        self.assertIn(TERRAFORM, FOLDERS)
        modules = {path for path in (TERRAFORM / "modules").iterdir() if path.is_dir()}
        self.assertLessEqual(modules, set(FOLDERS), "a module has no tests")
        for folder in FOLDERS:
            for file in ("versions.tf", "variables.tf", "main.tf", "outputs.tf", "README.md"):
                self.assertTrue((folder / file).is_file(), f"{folder.name} has no {file}")

    def test_every_variable_and_output_has_a_description(self):
        for folder in FOLDERS:
            for name, body in blocks(folder, "variable").items():
                for argument in ("description", "type"):
                    self.assertRegex(body, rf"(?m)^  {argument} ", f"{folder.name}: variable {name} has no {argument}")
            for name, body in blocks(folder, "output").items():
                self.assertRegex(body, r"(?m)^  description ", f"{folder.name}: output {name} has no description")

    def test_every_validation_has_a_test_that_fails_it(self):
        for folder in FOLDERS:
            tests = "\n".join(path.read_text() for path in folder.glob("tests/*.tftest.hcl"))
            for name, body in blocks(folder, "variable").items():
                validations = len(re.findall(r"^  validation {$", body, flags=re.MULTILINE))
                failures = len(re.findall(rf"expect_failures = \[var\.{name}\]", tests))
                self.assertGreaterEqual(failures, validations, f"{folder.name}: a validation of {name} is not tested")

    def test_files_are_short(self):
        python = [*TERRAFORM.glob("checks/*.py"), *TERRAFORM.glob("operations/*.py")]
        for path in [*TERRAFORM.glob("**/*.tf"), *TERRAFORM.glob("**/*.hcl"), *python]:
            self.assertLessEqual(len(path.read_text().splitlines()), 320, path.name)


if __name__ == "__main__":
    unittest.main()
