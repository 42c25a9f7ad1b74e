"""The set-up script of an instance: rendered by Terraform, checked, and run with fake commands that
record their calls, and with its paths moved into a temporary folder.
"""

import json
import os
import re
import shutil
import stat
import tempfile
import unittest
from pathlib import Path

import yaml

from processes import run
from support import DIGEST, MACHINE_METRICS, METRICS, REPOSITORY, TERRAFORM

IMAGE = f"123456789012.dkr.ecr.eu-west-1.amazonaws.com/vitrine@{DIGEST}"
COLLECTOR = "public.ecr.aws/aws-observability/aws-otel-collector:v0.45.1"
VARIABLES = {
    "image": IMAGE,
    "collector_image": COLLECTOR,
    # A value with characters that are special to shells, systemd and Terraform.
    "environment": {"VITRINE_BIND": "0.0.0.0:8080", "VITRINE_LOG": "vitrine=debug,$HOME `id` %h ${x} \"'\\"},
    "region": "eu-west-1",
    "log_groups": {"web": "/vitrine/web", "collector": "/vitrine/collector", "metrics": "/vitrine/metrics"},
    "namespace": "Vitrine/vitrine",
}
INSTANCE = "i-0123456789abcdef0"

# Every fake records its call, then runs its own lines.
RECORD_CALL = """#!/bin/bash
printf '%s\\n' "$(basename "$0") $*" >> "$CALLS"
"""
FAKES = {
    "dnf": '[ "$(grep -c ^dnf "$CALLS")" -gt "$DNF_FAILURES" ]',
    "docker": "",
    "systemctl": "",
    "sleep": "",
    # The metadata service requires a token that was requested with PUT.
    "curl": f"""
case "$*" in
  *"--request PUT"*/latest/api/token) echo a-token ;;
  *"X-aws-ec2-metadata-token: a-token"*/latest/meta-data/instance-id) echo {INSTANCE} ;;
  *) exit 22 ;;
esac""",
    # Only root may change the owner of files.
    "install": """
arguments=()
while [ $# -gt 0 ]; do
  case "$1" in -o | -g) shift ;; *) arguments+=("$1") ;; esac
  shift
done
PATH=/usr/bin:/bin exec install "${arguments[@]}\"""",
}


def dropped(metric, processor):
    """Whether a filter drops a metric."""
    conditions = (processor or {}).get("metrics", {}).get("metric", [])
    return any(matches_condition(metric, condition) for condition in conditions)


def matches_condition(metric, condition):
    negated, pattern = re.fullmatch(r'(not )?IsMatch\(name, "(.*)"\)', condition).groups()
    return bool(re.search(pattern, metric)) != bool(negated)


def render():
    """The outputs of the module: the script and its files."""
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "user_data"
        shutil.copytree(TERRAFORM / "modules/user_data", module, ignore=shutil.ignore_patterns(".terraform*"))
        (module / "terraform.tfvars.json").write_text(json.dumps(VARIABLES))
        # The module has no provider, so nothing is downloaded.
        environment = os.environ | {"TF_CLI_CONFIG_FILE": os.devnull, "CHECKPOINT_DISABLE": "1"}
        for arguments in (["init"], ["apply", "-auto-approve"], ["output", "-json"]):
            terraform = run(["terraform", f"-chdir={module}", *arguments], 120, env=environment)
            if terraform.returncode != 0:
                raise AssertionError(terraform.stdout + terraform.stderr)
        return {name: output["value"] for name, output in json.loads(terraform.stdout).items()}


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
        """Runs the script with its three folders moved below the temporary one; returns the result and
        the recorded calls."""
        script, moved = re.subn(
            r"^(settings|units|data)=(/.*)$", rf"\1={self.root}\2", self.script, flags=re.MULTILINE
        )
        self.assertEqual(moved, 3)
        tools = self.root / "tools"
        tools.mkdir()
        for name, body in FAKES.items():
            (tools / name).write_text(RECORD_CALL + body + "\n")
            (tools / name).chmod(0o755)
        (self.root / "etc/systemd/system").mkdir(parents=True)
        calls = self.root / "calls"
        bash = run(
            ["bash", "-c", script], 60,
            env={"PATH": f"{tools}:/usr/bin:/bin", "CALLS": str(calls), "DNF_FAILURES": str(dnf_failures)},
        )
        return bash, calls.read_text().replace(str(self.root), "").splitlines()

    @unittest.skipUnless(shutil.which("shellcheck"), "shellcheck is not installed")
    def test_the_script_passes_shellcheck(self):
        shellcheck = run(["shellcheck", "--shell=bash", "-"], 60, input=self.script)
        self.assertEqual(shellcheck.returncode, 0, shellcheck.stdout)

    def test_the_script_fits_the_user_data_limit(self):
        self.assertLess(len(self.script.encode()), 16384)

    def test_the_script_writes_exactly_these_files(self):
        bash, _ = self.run_script()
        self.assertEqual(bash.returncode, 0, bash.stderr)
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

    def test_only_the_container_user_can_read_the_data_folder(self):
        _, calls = self.run_script()
        self.assertEqual(stat.S_IMODE((self.root / "var/lib/vitrine").stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((self.root / "etc/vitrine/docker").stat().st_mode), 0o700)
        self.assertIn("install -d -m 0700 -o 10001 -g 10001 /var/lib/vitrine", calls)
        self.assertIn("--user 10001:10001", self.rendered["files"]["web_service"])

    def test_the_script_installs_docker_then_starts_the_services(self):
        _, calls = self.run_script()
        commands = [line for line in calls if line.split()[0] in ("dnf", "systemctl", "docker")]
        self.assertEqual(
            commands,
            [
                "dnf install --assumeyes --quiet docker amazon-ecr-credential-helper",
                "systemctl daemon-reload",
                "systemctl enable --now docker.service",
                "systemctl enable --now --no-block vitrine-collector.service vitrine.service",
            ],
        )

    def test_installation_is_retried_with_growing_pauses(self):
        bash, calls = self.run_script(dnf_failures=3)
        self.assertEqual(bash.returncode, 0, bash.stderr)
        self.assertEqual([line for line in calls if line.startswith("sleep")], ["sleep 2", "sleep 4", "sleep 8"])

    def test_installation_fails_after_a_bounded_number_of_retries(self):
        bash, calls = self.run_script(dnf_failures=1000)
        self.assertNotEqual(bash.returncode, 0)
        self.assertIn("retries exhausted: dnf install", bash.stderr)
        self.assertLess(sum(int(line.split()[1]) for line in calls if line.startswith("sleep")), 300)
        self.assertFalse([line for line in calls if line.startswith("systemctl")])

    def test_the_script_contains_no_secret(self):
        for word in ("password", "api_key", "secret_access_key", "BEGIN"):
            self.assertNotIn(word.lower(), self.script.lower())

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_systemd_accepts_the_units(self):
        self.run_script()
        # systemd checks that Docker and its unit, which these units refer to, exist.
        units = self.root / "etc/systemd/system"
        docker = self.root / "usr/bin/docker"
        docker.parent.mkdir(parents=True)
        docker.write_text("#!/bin/sh\n")
        docker.chmod(0o755)
        (units / "docker.service").write_text(f"[Service]\nExecStart={docker}\n")
        for name in ("vitrine.service", "vitrine-collector.service"):
            unit = units / name
            unit.write_text(unit.read_text().replace("/usr/bin/docker", str(docker)))
        analyze = run(
            ["systemd-analyze", "verify", "--man=no", *(units / name for name in ("vitrine.service", "vitrine-collector.service"))],
            60, env=os.environ | {"SYSTEMD_UNIT_PATH": f"{units}:"},
        )
        problems = [line for line in analyze.stderr.splitlines() if "vitrine" in line]
        self.assertEqual((analyze.returncode, problems), (0, []), analyze.stderr)

    def test_container_commands_are_valid_and_confined(self):
        # systemd joins continued lines, expands the variable and splits at spaces.
        for unit, name, image in (("web_service", "vitrine", IMAGE), ("collector_service", "vitrine-collector", COLLECTOR)):
            text = self.rendered["files"][unit].replace("\\\n", " ")
            commands = dict(re.findall(r"^(Exec\w+)=-?(.*)$", text, flags=re.MULTILINE))
            start = commands["ExecStart"].replace("${INSTANCE_ID}", INSTANCE).split()
            self.assertEqual(start[:2], ["/usr/bin/docker", "run"])
            self.assertIn(image, start)
            self.assertEqual(start[start.index("--name") + 1], name)
            for option in ("--read-only", "--cap-drop", "no-new-privileges"):
                self.assertIn(option, start)
            self.assertIn(f"awslogs-stream={INSTANCE}", start)
            self.assertEqual(commands["ExecStop"].split()[-1], name)
            # Docker's stop timeout has to end before systemd's.
            stop = int(commands["ExecStop"].split()[-2])
            self.assertLess(stop, int(re.search(r"^TimeoutStopSec=(\d+)$", text, flags=re.MULTILINE)[1]))

    def test_a_restart_needs_no_registry_and_the_web_process_does_not_wait_for_the_collector(self):
        # "missing (default): Pull the image if it was not found in the image cache, or use the cached image
        # otherwise." docker run, https://docs.docker.com/reference/cli/docker/container/run/#pull
        # The fake Docker has the images and cannot reach a registry.
        docker = self.root / "docker"
        docker.write_text('#!/bin/sh\ncase "$*" in rm*) exit 1 ;; "run "*"--pull missing "*) exit 0 ;; *) exit 125 ;; esac\n')
        docker.chmod(0o755)
        for unit in ("web_service", "collector_service"):
            text = self.rendered["files"][unit].replace("\\\n", " ").replace("/usr/bin/docker", str(docker))
            for step, ignored, command in re.findall(r"^(ExecStart(?:Pre)?)=(-?)(.*)$", text, flags=re.MULTILINE):
                ran = run(["/bin/sh", "-c", command], 60)
                self.assertTrue(ignored or ran.returncode == 0, f"{unit}: {step} needs the registry")
        # systemd would delay the web process until all of these have started.
        (after,) = re.findall(r"^After=(.*)$", self.rendered["files"]["web_service"], flags=re.MULTILINE)
        self.assertNotIn("vitrine-collector", after)

    def test_the_collector_listens_on_loopback_only(self):
        endpoints = re.findall(r"endpoint: (.*)", self.rendered["files"]["collector_yaml"])
        self.assertEqual(len(endpoints), 2)
        for endpoint in endpoints:
            self.assertTrue(endpoint.startswith("127.0.0.1:"), endpoint)

    def test_each_metric_takes_one_way_to_cloudwatch_and_those_of_the_machine_are_told_apart(self):
        # "dimensions: List of dimension sets to be exported. [[ ]]". README of the awsemfexporter,
        # https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/awsemfexporter
        # A filter drops what matches one of its conditions.
        configuration = yaml.safe_load(self.rendered["files"]["collector_yaml"])
        pipelines = configuration["service"]["pipelines"]
        ways = {}
        for name in METRICS:
            for pipeline in ("metrics", "metrics/machine"):
                if not any(dropped(name, configuration["processors"][processor]) for processor in pipelines[pipeline]["processors"]):
                    ways.setdefault(pipeline, set()).add(name)
        self.assertEqual(ways["metrics/machine"], MACHINE_METRICS)
        self.assertEqual(ways["metrics"], METRICS - MACHINE_METRICS)
        (exporter,) = pipelines["metrics/machine"]["exporters"]
        # The label of the instance comes from the detector of EC2.
        self.assertIn("resourcedetection", pipelines["metrics/machine"]["processors"])
        self.assertTrue(configuration["exporters"][exporter]["resource_to_telemetry_conversion"]["enabled"])
        (declaration,) = configuration["exporters"][exporter]["metric_declarations"]
        self.assertEqual(declaration["dimensions"], [[], ["host.id"]])
        for kind in ("receivers", "processors", "exporters"):
            self.assertEqual({name for pipeline in pipelines.values() for name in pipeline[kind]}, set(configuration[kind]))

    def test_the_web_process_sees_the_machine_and_cannot_change_it(self):
        # platform/src/host/proc_files.rs says where the machine's /proc is expected.
        code = (REPOSITORY / "platform/src/host/proc_files.rs").read_text()
        (mounted,) = re.findall(r'MOUNTED: &str = "(.*)"', code)
        self.assertIn(f"--volume /proc:{mounted}:ro ", self.rendered["files"]["web_service"])
        web = yaml.safe_load((REPOSITORY / "docker/compose.yaml").read_text())["services"]["web"]
        self.assertIn(f"/proc:{mounted}:ro", web["volumes"])


if __name__ == "__main__":
    unittest.main()
