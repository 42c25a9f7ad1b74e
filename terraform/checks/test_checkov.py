"""checkov finds nothing but what checkov.yaml argues for, and all of that."""

import json
import re
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

from support import TERRAFORM

CHECKOV = shutil.which("checkov", path=Path(sys.executable).parent)


class Checkov(unittest.TestCase):
    @unittest.skipUnless(CHECKOV, "checkov is not installed")
    def test_every_finding_is_argued_for_and_every_argument_is_needed(self):
        lines = (TERRAFORM / "checkov.yaml").read_text().splitlines()
        argued = set()
        for line in lines:
            if match := re.match(r"  - (CKV\w+) # \S.*", line):
                argued.add(match[1])
        self.assertEqual(len(argued), sum(line.startswith("  - ") for line in lines), "an exception has no argument")

        run = subprocess.run(
            [CHECKOV, "--directory", TERRAFORM, "--framework", "terraform", "--skip-download", "--output", "json"],
            capture_output=True, text=True, timeout=600,
        )
        results = json.loads(run.stdout)
        self.assertGreater(results["summary"]["passed"], 300)
        self.assertEqual(results["summary"]["parsing_errors"], 0)
        found = {}
        for check in results["results"]["failed_checks"]:
            found.setdefault(check["check_id"], set()).add(f"{check['resource']}: {check['check_name']}")
        self.assertEqual({id: found[id] for id in found.keys() - argued}, {}, "not argued for")
        self.assertEqual(argued - found.keys(), set(), "not needed any more")


if __name__ == "__main__":
    unittest.main()
