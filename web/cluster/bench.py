"""`ab` on /gallery: of one instance, and through the balancer. Many connections at once have to leave
no request unanswered and memory bounded."""

import re
import subprocess
import threading
from dataclasses import dataclass

from load import photos
from processes import ClusterError, own_environment

PHOTOS = 60


@dataclass
class Measured:
    requests: int
    failed: int
    per_second: float
    p99_ms: int
    # Of the process with the most, in MB.
    memory_mb: int


def measure(url, instances, count, concurrency):
    """Runs `ab` once."""
    with Memory(instances) as memory:
        done = subprocess.run(
            ["ab", "-q", "-r", "-s", "120", "-n", str(count), "-c", str(concurrency), url],
            check=False, capture_output=True, text=True, env=own_environment(), cwd="/",
        )
    if done.returncode != 0:
        raise ClusterError(f"ab: {done.stderr}")
    return read(done.stdout, memory.peak_mb())


def read(text, memory_mb):
    def number(pattern, default=None):
        found = re.search(pattern, text)
        if found is None and default is None:
            raise ClusterError(f"ab printed something else than expected:\n{text}")
        return float(found[1]) if found else default

    failed = number(r"Failed requests:\s+(\d+)") + number(r"Non-2xx responses:\s+(\d+)", 0)
    return Measured(
        int(number(r"Complete requests:\s+(\d+)")),
        int(failed),
        number(r"Requests per second:\s+([\d.]+)"),
        int(number(r"\s99%\s+(\d+)")),
        memory_mb,
    )


class Memory:
    """The most memory that instances hold (RSS) while it is open."""

    def __init__(self, instances):
        self.pids = [instance.process.pid for instance in instances]
        self.peak = 0
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.ends.set()
        self.thread.join()

    def watch(self):
        while True:
            self.peak = max([self.peak, *(resident(pid) for pid in self.pids)])
            if self.ends.wait(0.25):
                return

    def peak_mb(self):
        return self.peak // (1 << 20)


def resident(pid):
    """In bytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def fill(cluster):
    """Photos for the page; they are public at once."""
    folder = cluster.folder / "photos"
    photos(folder, "bench", PHOTOS)
    environment = cluster.environment() | {"LOADTEST_TOKEN": cluster.token}
    done = subprocess.run(
        [cluster.programs.vitrine, "loadtest", "--endpoint", cluster.balancer.url,
         "--upload", folder, "--concurrency", "2", "--max-error-rate", "0"],
        check=False, capture_output=True, text=True, env=environment, cwd="/",
    )
    if done.returncode != 0:
        raise ClusterError(f"the photos cannot be uploaded: {done.stdout} {done.stderr}")
    cluster.wait_well()


def run(cluster, count, concurrency):
    """Prints a line for each of the two runs. Raises an error if a request failed."""
    fill(cluster)
    one = cluster.instances[0]
    places = {
        "one instance": (f"http://127.0.0.1:{one.port}/gallery", [one]),
        "through the balancer": (f"{cluster.balancer.url}/gallery", cluster.instances),
    }
    for place, (url, instances) in places.items():
        found = measure(url, instances, count, concurrency)
        print(
            f"ab -n {count} -c {concurrency}, {place}: {found.failed} of {found.requests} failed, "
            f"{found.per_second:.0f} a second, p99 {found.p99_ms} ms, at most "
            f"{found.memory_mb} MB in a process",
            flush=True,
        )
        if found.failed or found.requests != count:
            raise ClusterError("requests have failed")
