"""One of the three web processes."""

import http.client
import os
import signal
from pathlib import Path

from processes import ClusterError, free_port, wait_until

FAKETIME = "/usr/lib/*/faketime/libfaketimeMT.so.1"
# Of the small disk, in megabytes. A twentieth is Vitrine's reserve.
SMALL_DISK = 64


class Instance:
    def __init__(self, processes, folder, number, program, environment):
        self.name = f"web-{number}"
        self.processes = processes
        self.folder = folder / self.name
        self.folder.mkdir()
        self.program = program
        self.port = free_port()
        self.process = None
        self.has_small_disk = False
        self.environment = environment | {
            "VITRINE_BIND": f"127.0.0.1:{self.port}",
            "VITRINE_DATA": str(self.folder),
            "VITRINE_INSTANCE_ID": self.name,
        }

    def start(self, **more):
        command = [self.program, "serve"]
        if self.has_small_disk:
            mount = f"mount -t tmpfs -o size={SMALL_DISK}m tmpfs {self.folder}"
            script = f"{mount} && exec {self.program} serve"
            as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
            command = ["unshare", "--mount", *as_root, "sh", "-c", script]
        self.process = self.processes.start(self.name, command, self.environment | more)

    def start_with_clock(self, offset):
        """Its clock differs by so much, for example +5m; timeouts and pauses are as they are."""
        library = next(iter(sorted(Path("/").glob(FAKETIME.lstrip("/")))), None)
        if library is None:
            raise ClusterError("libfaketime is not installed; make setup-cluster does that")
        self.start(LD_PRELOAD=library.as_posix(), FAKETIME=offset, FAKETIME_DONT_FAKE_MONOTONIC="1")

    def wait_healthy(self, seconds=60):
        def is_healthy():
            if not self.process.is_alive():
                raise ClusterError(f"{self.name} does not start:\n{self.process.tail()}")
            return self.status("/health") == 200

        wait_until(f"{self.name} answers", is_healthy, seconds)

    def status(self, path, timeout=2):
        """Of a GET on a connection of its own; None without an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def is_ready(self):
        return self.status("/health/ready", timeout=10) == 200

    def ask_to_stop(self):
        self.process.send(signal.SIGTERM)

    def wait_stopped(self, seconds=60):
        status = self.process.popen.wait(timeout=seconds)
        if status != 0:
            raise ClusterError(f"{self.name} stopped with status {status}:\n{self.process.tail()}")

    def kill(self):
        self.process.kill()

    def hang(self):
        self.process.send_all(signal.SIGSTOP)

    def wake(self):
        self.process.send_all(signal.SIGCONT)

    def filler(self):
        """A file on its disk, as it sees it."""
        return Path(f"/proc/{self.process.pid}/root{self.folder}/filler")
