"""The script that sets up an instance: rendered by Terraform, looked through, and run. What it
would install, start and ask is recorded by stand-ins; where it would write is a folder of the test.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import tempfile
import unittest
from pathlib import Path

from support import DIGEST, TERRAFORM

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/vitrine@{DIGEST}"
COLLECTOR = "public.ecr.aws/aws-observability/aws-otel-collector:v0.45.1"
VARIABLES = {
    "image": IMAGE,
    "collector_image": COLLECTOR,
    # A value with what a shell, systemd or Terraform might take for theirs.
    "environment": {"VITRINE_BIND": "0.0.0.0:8080", "VITRINE_LOG": "vitrine=debug,$HOME `id` %h ${x} \"'\\"},
    "region": "eu-west-1",
    "log_groups": {"web": "/vitrine/web", "collector": "/vitrine/collector", "metrics": "/vitrine/metrics"},
    "namespace": "Vitrine/vitrine",
}
INSTANCE = "i-0123456789abcdef0"

# A stand-in writes down how it was called, then does what the test wants of it.
RECORD = """#!/bin/bash
printf '%s\\n' "$(basename "$0") $*" >> "$RECORD"
"""
STAND_INS = {
    "dnf": '[ "$(grep -c ^dnf "$RECORD")" -gt "$DNF_FAILURES" ]',
    "docker": "",
    "systemctl": "",
    "sleep": "",
    # The metadata service wants a token that was asked for with PUT.
    "curl": f"""
case "$*" in
  *"--request PUT"*/latest/api/token) echo a-token ;;
  *"X-aws-ec2-metadata-token: a-token"*/latest/meta-data/instance-id) echo {INSTANCE} ;;
  *) exit 22 ;;
esac""",
    # Only root may give files away.
    "install": """
arguments=()
while [ $# -gt 0 ]; do
  case "$1" in -o | -g) shift ;; *) arguments+=("$1") ;; esac
  shift
done
PATH=/usr/bin:/bin exec install "${arguments[@]}\"""",
}


def render():
    """What the module makes of the variables: the script and its files."""
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "user_data"
        shutil.copytree(TERRAFORM / "modules/user_data", module, ignore=shutil.ignore_patterns(".terraform*"))
        (module / "terraform.tfvars.json").write_text(json.dumps(VARIABLES))
        # There is no provider, so nothing is fetched.
        environment = os.environ | {"TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}
        for arguments in (["init"], ["apply", "-auto-approve"], ["output", "-json"]):
            run = subprocess.run(
                ["terraform", f"-chdir={module}", *arguments],
                capture_output=True, text=True, env=environment, timeout=120,
            )
            if run.returncode != 0:
                raise AssertionError(run.stdout + run.stderr)
        return {name: output["value"] for name, output in json.loads(run.stdout).items()}


class UserData(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rendered = render()
        cls.script = cls.rendered["script"]

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)

    def run_script(self, dnf_failures=0):
        """Runs the script with its three folders moved below the test's."""
        script, moved = re.subn(
            r"^(settings|units|data)=(/.*)$", rf"\1={self.root}\2", self.script, flags=re.MULTILINE
        )
        self.assertEqual(moved, 3)
        tools = self.root / "tools"
        tools.mkdir()
        for name, body in STAND_INS.items():
            (tools / name).write_text(RECORD + body + "\n")
            (tools / name).chmod(0o755)
        (self.root / "etc/systemd/system").mkdir(parents=True)
        record = self.root / "record"
        run = subprocess.run(
            ["bash", "-c", script],
            capture_output=True, text=True, timeout=60,
            env={"PATH": f"{tools}:/usr/bin:/bin", "RECORD": str(record), "DNF_FAILURES": str(dnf_failures)},
        )
        return run, record.read_text().replace(str(self.root), "").splitlines()

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is not installed")
    def test_the_script_passes_shellcheck(self):
        run = subprocess.run(["shellcheck", "--shell=bash", "-"], input=self.script, capture_output=True, text=True)
        self.assertEqual(run.returncode, 0, run.stdout)

    def test_the_script_is_small_enough_for_ec2(self):
        self.assertLess(len(self.script.encode()), 16384)

    def test_it_writes_these_files_and_no_others(self):
        run, _ = self.run_script()
        self.assertEqual(run.returncode, 0, run.stderr)
        files = self.rendered["files"]
        expected = {
            "etc/vitrine/instance.env": (0o600, f"INSTANCE_ID={INSTANCE}\n"),
            "etc/vitrine/web.env": (0o600, files["web_env"]),
            "etc/vitrine/docker/config.json": (0o600, files["docker_config"] + "\n"),
            "etc/vitrine/collector.yaml": (0o644, files["collector_yaml"]),
            "etc/systemd/system/vitrine.service": (0o644, files["web_service"]),
            "etc/systemd/system/vitrine-collector.service": (0o644, files["collector_service"]),
        }
        found = {
            str(path.relative_to(self.root)): (stat.S_IMODE(path.stat().st_mode), path.read_text())
            for top in ("etc", "var")
            for path in (self.root / top).rglob("*")
            if path.is_file()
        }
        self.assertEqual(found, expected)
        self.assertEqual(
            files["web_env"], "".join(f"{name}={value}\n" for name, value in sorted(VARIABLES["environment"].items()))
        )

    def test_only_the_container_sees_the_data(self):
        _, record = self.run_script()
        self.assertEqual(stat.S_IMODE((self.root / "var/lib/vitrine").stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((self.root / "etc/vitrine/docker").stat().st_mode), 0o700)
        self.assertIn("install -d -m 0700 -o 10001 -g 10001 /var/lib/vitrine", record)
        self.assertIn("--user 10001:10001", self.rendered["files"]["web_service"])

    def test_it_installs_then_starts(self):
        _, record = self.run_script()
        steps = [line for line in record if line.split()[0] in ("dnf", "systemctl", "docker")]
        self.assertEqual(
            steps,
            [
                "dnf install --assumeyes --quiet docker amazon-ecr-credential-helper",
                "systemctl daemon-reload",
                "systemctl enable --now docker.service",
                "systemctl enable --now --no-block vitrine-collector.service vitrine.service",
            ],
        )

    def test_a_network_that_needs_a_moment_is_waited_for(self):
        run, record = self.run_script(dnf_failures=3)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual([line for line in record if line.startswith("sleep")], ["sleep 2", "sleep 4", "sleep 8"])

    def test_it_gives_up_in_the_end_and_says_so(self):
        run, record = self.run_script(dnf_failures=1000)
        self.assertNotEqual(run.returncode, 0)
        self.assertIn("gave up: dnf install", run.stderr)
        self.assertLess(sum(int(line.split()[1]) for line in record if line.startswith("sleep")), 300)
        self.assertFalse([line for line in record if line.startswith("systemctl")])

    def test_nothing_in_it_is_secret(self):
        for word in ("password", "api_key", "secret_access_key", "BEGIN"):
            self.assertNotIn(word.lower(), self.script.lower())

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_takes_the_units(self):
        self.run_script()
        # What the units name has to be there: Docker, and its own unit.
        units = self.root / "etc/systemd/system"
        docker = self.root / "usr/bin/docker"
        docker.parent.mkdir(parents=True)
        docker.write_text("#!/bin/sh\n")
        docker.chmod(0o755)
        (units / "docker.service").write_text(f"[Service]\nExecStart={docker}\n")
        for name in ("vitrine.service", "vitrine-collector.service"):
            unit = units / name
            unit.write_text(unit.read_text().replace("/usr/bin/docker", str(docker)))
        run = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", *(units / name for name in ("vitrine.service", "vitrine-collector.service"))],
            capture_output=True, text=True, timeout=60,
            env=os.environ | {"SYSTEMD_UNIT_PATH": f"{units}:"},
        )
        complaints = [line for line in run.stderr.splitlines() if "vitrine" in line]
        self.assertEqual((run.returncode, complaints), (0, []), run.stderr)

    def test_docker_understands_how_the_containers_are_started(self):
        # Systemd joins the lines, fills in the instance and splits at spaces; Docker gets words.
        for unit, name, image in (("web_service", "vitrine", IMAGE), ("collector_service", "vitrine-collector", COLLECTOR)):
            text = self.rendered["files"][unit].replace("\\\n", " ")
            commands = dict(re.findall(r"^(Exec\w+)=-?(.*)$", text, flags=re.MULTILINE))
            start = commands["ExecStart"].replace("${INSTANCE_ID}", INSTANCE).split()
            self.assertEqual(start[:3], ["/usr/bin/docker", "run", "--rm"])
            self.assertIn(image, start)
            self.assertEqual(start[start.index("--name") + 1], name)
            for option in ("--read-only", "--cap-drop", "no-new-privileges"):
                self.assertIn(option, start)
            self.assertIn(f"awslogs-stream={INSTANCE}", start)
            self.assertEqual(commands["ExecStop"].split()[-1], name)
            # It must be able to finish before systemd loses patience.
            stop = int(commands["ExecStop"].split()[-2])
            self.assertLess(stop, int(re.search(r"^TimeoutStopSec=(\d+)$", text, flags=re.MULTILINE)[1]))

    def test_the_collector_listens_on_the_instance_only(self):
        endpoints = re.findall(r"endpoint: (.*)", self.rendered["files"]["collector_yaml"])
        self.assertEqual(len(endpoints), 2)
        for endpoint in endpoints:
            self.assertTrue(endpoint.startswith("127.0.0.1:"), endpoint)


if __name__ == "__main__":
    unittest.main()
