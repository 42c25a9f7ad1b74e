"""PostgreSQL, Debian's newest, with data that survive a restart."""

import os
import pwd
import signal
import subprocess
from pathlib import Path

from processes import ClusterError, free_port, own_environment, wait_until


def programs():
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: int(path.parts[-3]),
    )
    if not found:
        raise ClusterError("PostgreSQL is not installed; make setup-cluster does that")
    return found[-1].parent


def owner():
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    user = pwd.getpwnam("postgres")
    return user.pw_uid, user.pw_gid


class Database:
    def __init__(self, processes, folder):
        self.processes = processes
        self.folder = folder / "postgresql"
        self.port = free_port()
        self.programs = programs()
        self.user = owner()
        self.process = None

    @property
    def url(self):
        return f"postgres://vitrine@127.0.0.1:{self.port}/vitrine"

    def create(self):
        self.folder.mkdir()
        if self.user:
            os.chown(self.folder, *self.user)
        command = [
            self.programs / "initdb", "--pgdata", self.folder / "data", "--username=vitrine",
            "--auth=trust", "--encoding=UTF8", "--locale=C",
        ]
        made = self.processes.start("initdb", command, user=self.user)
        if made.popen.wait(timeout=120) != 0:
            raise ClusterError(f"initdb failed:\n{made.tail()}")
        self.start()
        self.query("CREATE DATABASE vitrine", database="postgres")

    def start(self):
        command = [
            self.programs / "postgres", "-D", self.folder / "data", "-p", self.port,
            "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
        ]
        # At SIGKILL its own children would stay.
        self.process = self.processes.start(
            "postgresql", command, user=self.user, last_signal=signal.SIGQUIT
        )
        wait_until("PostgreSQL answers", self.answers)

    def stop(self):
        """At once for its clients, and cleanly for the data."""
        self.process.stop(number=signal.SIGINT)

    def answers(self):
        command = [self.programs / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def query(self, sql, database="vitrine"):
        """The rows as lists of texts."""
        command = [
            self.programs / "psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "vitrine",
            "-d", database, "-v", "ON_ERROR_STOP=1", "-qAtc", sql,
        ]
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, env=own_environment(), cwd="/"
        )
        if done.returncode != 0:
            raise ClusterError(f"psql: {done.stderr}")
        return [line.split("|") for line in done.stdout.splitlines()]

    def number(self, sql):
        return int(self.query(sql)[0][0])
