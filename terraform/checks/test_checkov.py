"""checkov reports exactly the findings that checkov.yaml excepts, each with a reason."""

import json
import re
import shutil
import sys
import unittest
from pathlib import Path

from processes import run
from support import TERRAFORM

CHECKOV = shutil.which("checkov", path=Path(sys.executable).parent)


class Checkov(unittest.TestCase):
    @unittest.skipUnless(CHECKOV, "checkov is not installed")
    def test_every_finding_is_excepted_and_every_exception_is_needed(self):
        lines = (TERRAFORM / "checkov.yaml").read_text().splitlines()
        excepted = set()
        for line in lines:
            if match := re.match(r"  - (CKV\w+) # \S.*", line):
                excepted.add(match[1])
        self.assertEqual(len(excepted), sum(line.startswith("  - ") for line in lines), "an exception has no reason")

        checkov = run(
            [CHECKOV, "--directory", TERRAFORM, "--framework", "terraform", "--skip-download", "--output", "json"], timeout=600
        )
        results = json.loads(checkov.stdout)
        self.assertGreater(results["summary"]["passed"], 300)
        self.assertEqual(results["summary"]["parsing_errors"], 0)
        found = {}
        for check in results["results"]["failed_checks"]:
            found.setdefault(check["check_id"], set()).add(f"{check['resource']}: {check['check_name']}")
        self.assertEqual({id: found[id] for id in found.keys() - excepted}, {}, "findings without an exception")
        self.assertEqual(excepted - found.keys(), set(), "exceptions that are no longer needed")


if __name__ == "__main__":
    unittest.main()
