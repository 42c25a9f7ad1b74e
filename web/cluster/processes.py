"""Child processes: each in a group of its own with default signals, its output in a file, and gone
with this program, however that ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from http.server import ThreadingHTTPServer

# Settings of the person who calls this are not those of the cluster.
FOREIGN = ("VITRINE_", "AWS_", "OTEL_", "GEMINI_", "OPENAI_", "GARAGE_", "PG", "DATABASE_")


class ClusterError(Exception):
    """Something did not start or answer; the message says what, for people."""


class Server(ThreadingHTTPServer):
    """On a free port. That a client has gone is no error: clients are killed here on purpose."""

    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


def own_environment(**more):
    """The environment of this program without settings of Vitrine and of others, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(FOREIGN)}
    return kept | {name: str(value) for name, value in more.items()}


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_until(what, is_so, seconds=60, pause=0.1):
    """Waits for a condition, and returns what it returns."""
    end = time.monotonic() + seconds
    while True:
        found = is_so()
        if found:
            return found
        if time.monotonic() > end:
            raise ClusterError(f"waited {seconds} s in vain until {what}")
        time.sleep(pause)


class Process:
    """One child with its group. `last_signal` ends it when nothing else does."""

    def __init__(self, name, command, environment, log, last_signal=signal.SIGKILL, user=None):
        self.name = name
        self.log = log
        self.last_signal = last_signal
        guard = ["setpriv", f"--pdeathsig={last_signal.name.removeprefix('SIG')}"]
        if user:
            guard += [f"--reuid={user[0]}", f"--regid={user[1]}", "--clear-groups"]
        guard += ["env", "--default-signal=INT,TERM,HUP,QUIT,PIPE", "--"]
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [*guard, *map(str, command)],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd="/",
                start_new_session=True,
            )

    @property
    def pid(self):
        return self.popen.pid

    def is_alive(self):
        return self.popen.poll() is None

    def send(self, number):
        """Sends a signal to the process alone."""
        if self.is_alive():
            self.popen.send_signal(number)

    def send_all(self, number):
        """Sends a signal to the whole group, as to a machine."""
        if self.is_alive():
            os.killpg(self.pid, number)

    def kill(self):
        self.send_all(signal.SIGCONT)
        if self.last_signal == signal.SIGKILL:
            self.send_all(signal.SIGKILL)
        else:
            self.send(self.last_signal)
        self.popen.wait(timeout=30)

    def stop(self, seconds=40, number=signal.SIGTERM):
        """Asks it to stop, and kills it if it does not. Returns the exit status."""
        self.send(number)
        try:
            return self.popen.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.popen.returncode

    def tail(self, lines=20):
        text = self.log.read_text(errors="replace")
        return "\n".join(text.splitlines()[-lines:])


class Processes:
    """All children, in the order of their start."""

    def __init__(self, folder):
        self.folder = folder
        self.running = []

    def start(self, name, command, environment=None, **options):
        log = self.folder / f"{name}.log"
        process = Process(name, command, environment or own_environment(), log, **options)
        self.running = [other for other in self.running if other.is_alive()] + [process]
        return process

    def kill_all(self):
        """The last that was started is the first to go."""
        for process in reversed(self.running):
            if process.is_alive():
                process.kill()
        self.running.clear()
