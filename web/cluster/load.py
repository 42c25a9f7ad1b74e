"""Load while something happens: `vitrine loadtest` on pages, and another one that uploads."""

import hashlib
import json
import random
import signal
import struct
import subprocess
import zlib
from dataclasses import dataclass, field

from processes import ClusterError

# Together they are no multiple of the number of instances, so photos go to all of them in turn.
PAGES_PER_SECOND = 20
PHOTOS_PER_SECOND = 1.5
# Until a request counts as failed.
PATIENCE = 15
PHOTOS = 400
# Uploads that have begun when the load ends, at most.
UNDER_WAY = 10


def png(noise, width=240, height=160, block=20):
    """A picture of coloured blocks, different each time."""

    def chunk(name, body):
        checksum = zlib.crc32(name + body)
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)

    rows = []
    for _ in range(height // block):
        colours = [noise.randbytes(3) for _ in range(width // block)]
        rows.append((b"\0" + b"".join(colour * block for colour in colours)) * block)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b"".join(rows)))
        + chunk(b"IEND", b"")
    )


def photos(folder, seed, count=PHOTOS):
    """Fills a folder with photos. Returns their SHA-256."""
    folder.mkdir()
    noise = random.Random(seed)
    hashes = set()
    for number in range(count):
        photo = png(noise)
        (folder / f"{number:04}.png").write_bytes(photo)
        hashes.add(hashlib.sha256(photo).hexdigest())
    return hashes


@dataclass
class Counted:
    """The report of `vitrine loadtest`, as far as it is used here."""

    requests: int
    failed: int
    p99_ms: float
    errors: dict
    statuses: dict
    instances: dict

    @classmethod
    def read(cls, text):
        found = json.loads(text)
        return cls(
            found["requests"], found["failed"], found["latency_ms"]["p99"], found["errors"],
            found["statuses"], found["instances"],
        )


@dataclass
class Loaded:
    pages: Counted
    uploads: Counted
    hashes: set = field(default_factory=set)


class Loadtest:
    """One run of `vitrine loadtest`, until it is told to report."""

    def __init__(self, cluster, *arguments):
        command = [
            "setpriv", "--pdeathsig=KILL",
            cluster.programs.vitrine, "loadtest", "--json", "--timeout", str(PATIENCE), *arguments,
        ]
        self.popen = subprocess.Popen(
            command, env=cluster.environment() | {"LOADTEST_TOKEN": cluster.token},
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd="/",
        )

    def report(self):
        self.popen.send_signal(signal.SIGINT)
        return self.finished()

    def finished(self):
        out, _ = self.popen.communicate(timeout=120)
        return Counted.read(out)


class Load:
    """Pages and uploads in the background for the length of a `with`; then `loaded` is there."""

    def __init__(self, cluster, seed):
        self.cluster = cluster
        self.folder = cluster.folder / f"photos-{seed}"
        self.hashes = photos(self.folder, seed)
        self.loaded = None

    def __enter__(self):
        url = self.cluster.balancer.url
        pages = ["--endpoint", f"{url}/gallery", "--rate", str(PAGES_PER_SECOND)]
        photos_of = ["--endpoint", url, "--upload", str(self.folder)]
        uploads = [*photos_of, "--rate", str(PHOTOS_PER_SECOND)]
        until_told = ["--duration", "600", "--concurrency", "200"]
        self.runs = [Loadtest(self.cluster, *kind, *until_told) for kind in (pages, uploads)]
        return self

    def __exit__(self, *_):
        pages, uploads = (run.report() for run in self.runs)
        self.loaded = Loaded(pages, uploads, self.hashes)


    def repeat(self):
        """Uploads all photos once more, as somebody who was refused does; what is there stays as it
        is. Those whose upload was under way at the end are among the last."""
        count = min(self.loaded.uploads.requests + UNDER_WAY, PHOTOS)
        again = ["--endpoint", self.cluster.balancer.url, "--upload", str(self.folder)]
        found = Loadtest(self.cluster, *again, "--request-count", str(count)).finished()
        if found.failed:
            raise ClusterError(f"{found.failed} of {count} photos are refused again: {found.errors}")


def sample(cluster, path, count):
    """So many requests as fast as they are answered, ten at a time."""
    url = f"{cluster.balancer.url}{path}"
    return Loadtest(cluster, "--endpoint", url, "--request-count", str(count)).finished()
