"""Everything that `make cluster` starts, and what is asked of all of it together."""

import http.client
import json
import subprocess
import time

from balancer import Balancer
from database import Database
from gate import Gate
from instance import Instance
from lambdas import Functions
from processes import ClusterError, own_environment, wait_until
from queues import Queues
from store import BUCKET, KEY, REGION, SECRET, Store

PASSWORD = "four random plain words"
# Longer than the balancer needs to notice.
DRAIN = 12
PENDING = (
    "SELECT count(*) FROM step JOIN image ON image.id = step.image_id WHERE image.deleted_at IS NULL "
    "AND image.stored_at IS NOT NULL AND step.state IN ('queued', 'running')"
)


class Programs:
    """Where the programs are: those of this repository, and those that make installed."""

    def __init__(self, built, tools):
        self.built = built
        self.vitrine = built / "vitrine"
        self.garage = tools / "garage/bin/garage"
        self.moto = tools / "moto/bin/python"
        for program in (self.vitrine, self.garage, self.moto):
            if not program.exists():
                raise ClusterError(f"{program} is missing; make cluster builds and installs it")


class Cluster:
    def __init__(self, processes, folder, programs):
        self.folder = folder
        self.programs = programs
        self.database = Database(processes, folder)
        self.store = Store(processes, folder, programs.garage)
        self.queues = Queues(folder, programs.moto)
        self.processes = processes
        self.gate = self.functions = self.balancer = self.token = None
        self.instances = []
        self.start_seconds = None

    def start(self):
        self.database.create()
        self.store.start()
        self.queues.start()
        self.gate = Gate(self.store.port, self.queues)
        self.gate.start()
        self.start_instances()
        self.functions = Functions(
            self.processes, self.queues, self.programs.built, self.environment()
        )
        self.functions.start()
        self.balancer = Balancer(self.processes, self.folder, self.instances)
        self.balancer.start()
        self.token = self.vitrine("token", "add", "cluster", "--may", "manage").split()[-1]

    def start_instances(self):
        """All at once on an empty database: one makes the schema, and the others wait for it."""
        self.instances = [
            Instance(self.processes, self.folder, number, self.programs.vitrine, self.environment())
            for number in (1, 2, 3)
        ]
        begun = time.monotonic()
        for instance in self.instances:
            instance.start()
        for instance in self.instances:
            instance.wait_healthy()
        self.start_seconds = time.monotonic() - begun

    def stop(self):
        if self.functions:
            self.functions.stop()
        self.queues.stop()
        self.processes.kill_all()

    def environment(self):
        return own_environment(
            DATABASE_URL=self.database.url,
            VITRINE_STORAGE=f"s3://{BUCKET}",
            VITRINE_QUEUE=f"{self.gate.url}/123456789012/vitrine-{{step}}",
            AWS_ENDPOINT_URL=self.gate.url,
            AWS_REGION=REGION,
            AWS_ACCESS_KEY_ID=KEY,
            AWS_SECRET_ACCESS_KEY=SECRET,
            VITRINE_ADMIN_PASSWORD=PASSWORD,
            VITRINE_TRUSTED_PROXIES="127.0.0.1",
            VITRINE_CAPTIONER="describe",
            VITRINE_RELEASE="at-once",
            VITRINE_DRAIN_SECONDS=DRAIN,
            VITRINE_DATA=self.folder / "commands",
        )

    def run(self, *arguments):
        """Runs a command of Vitrine with the settings of the cluster."""
        return subprocess.run(
            [self.programs.vitrine, *arguments],
            check=False, capture_output=True, text=True, env=self.environment(), cwd="/",
            timeout=300,
        )

    def vitrine(self, *arguments):
        """What a command of Vitrine prints. It has to succeed."""
        done = self.run(*arguments)
        if done.returncode != 0:
            raise ClusterError(f"vitrine {' '.join(arguments)}: {done.stderr}")
        return done.stdout

    def get(self, path, port=None):
        """The JSON at a path, through the balancer or of one instance. None unless it is 200."""
        port = port or self.balancer.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", path, headers={"authorization": f"Bearer {self.token}"})
            answer = connection.getresponse()
            body = answer.read()
            return json.loads(body) if answer.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def pending(self):
        """Steps that are to be done."""
        return self.database.number(PENDING)

    def is_well(self):
        """All instances get requests and are ready, and no step is pending."""
        return (
            len(self.balancer.healthy()) == 3
            and all(instance.is_ready() for instance in self.instances)
            and self.pending() == 0
        )

    def wait_well(self, seconds=180):
        """Seconds until all is well again."""
        begun = time.monotonic()
        wait_until("all is well again", self.is_well, seconds, pause=0.25)
        return time.monotonic() - begun

    def wait_in(self, instance):
        wait_until(f"{instance.name} gets requests", lambda: self.is_in(instance))

    def wait_out(self, instance):
        wait_until(f"{instance.name} is taken out", lambda: not self.is_in(instance))

    def is_in(self, instance):
        return instance.name in self.balancer.healthy()
