"""Child processes with default signal actions and with time limits that hold.

Launchers such as nohup, CI agents and background jobs of shell scripts start programs with SIGHUP or
SIGINT ignored, and exec passes that on: interrupts would then have no effect in the tests. Pipes
stay open as long as any descendant has them, so killing only the direct child does not end a read.
"""

import codecs
import os
import pty
import select
import signal
import subprocess
import time


def restore_signals():
    """Lets child processes start with default signal actions, whatever this process inherited.

    exec keeps ignored signals ignored and resets handled ones to their default. So a handler that
    does nothing keeps this process immune to the signal, but not its children.
    """
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    # If it is ignored, the kernel drops the exit statuses, and Python takes them for 0.
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)


restore_signals()


def run(command, timeout, **options):
    """subprocess.run with captured text, no standard input, and a limit in seconds for the program and
    all its descendants. Raises AssertionError with the output when the limit is reached."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    text = options.pop("input", None)
    if text is not None:
        pipes["stdin"] = subprocess.PIPE
    process = subprocess.Popen(command, start_new_session=True, **pipes | options)
    try:
        output, errors = process.communicate(text, timeout=timeout)
    except subprocess.TimeoutExpired as error:
        partial = b"".join(part for part in (error.output, error.stderr) if part).decode(errors="replace")
        raise AssertionError(f"{command} did not finish in {timeout} s: …{partial[-3000:]}") from None
    finally:
        kill_session(process.pid)
        process.wait()
        close(process)
    return subprocess.CompletedProcess(command, process.returncode, output, errors)


def kill_session(leader):
    """Kills the process group of a session leader, which its descendants share unless they left it."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def close(process):
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe:
            pipe.close()


class Child:
    """A running program in a session of its own, whose output is read step by step. All reads together
    have a limit in seconds; when it is reached, the session is killed and AssertionError raised."""

    def __init__(self, command, timeout, **options):
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True, **options
        )
        self.pid = self.process.pid
        self.reader = Reader(self.process.stdout.fileno(), self.pid, timeout)

    def line(self):
        return self.reader.line()

    def rest(self):
        """The output up to the end of the program, whose exit status is then `returncode`."""
        output = self.reader.rest()
        try:
            self.returncode = self.process.wait(self.reader.seconds_left())
        except subprocess.TimeoutExpired:
            self.reader.fail()
        return output

    def kill(self):
        kill_session(self.pid)
        self.process.wait()
        close(self.process)


class Terminal:
    """The same for a program at a terminal of its own, which also takes input."""

    def __init__(self, command, timeout, env):
        command = [str(part) for part in command]
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            try:
                os.execve(command[0], command, env)
            finally:
                os._exit(127)
        self.reader = Reader(self.descriptor, self.pid, timeout)
        self.ended = False

    def read_until(self, text):
        """Consumes the output up to and including this text; False if the program ends before."""
        return self.reader.read_until(text)

    def write(self, text):
        os.write(self.descriptor, text.encode())

    def rest(self):
        return self.reader.rest()

    @property
    def output(self):
        return self.reader.output

    def close(self):
        if not self.ended:
            self.ended = True
            kill_session(self.pid)
            os.waitpid(self.pid, 0)
            os.close(self.descriptor)


class Reader:
    def __init__(self, descriptor, leader, timeout):
        self.descriptor, self.leader, self.timeout = descriptor, leader, timeout
        self.deadline = time.monotonic() + timeout
        self.decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.output = ""
        self.consumed = 0

    def seconds_left(self):
        return max(0.0, self.deadline - time.monotonic())

    def fail(self):
        kill_session(self.leader)
        raise AssertionError(f"The program did not go on within {self.timeout} s: …{self.output[-3000:]}")

    def more(self):
        """Waits for more output; False at its end."""
        readable, _, _ = select.select([self.descriptor], [], [], self.seconds_left())
        if not readable:
            self.fail()
        try:
            data = os.read(self.descriptor, 4096)
        except OSError:
            # Linux reports EIO when no process has the terminal open any more.
            data = b""
        self.output += self.decoder.decode(data, final=not data).replace("\r\n", "\n")
        return bool(data)

    def read_until(self, text):
        while (found := self.output.find(text, self.consumed)) < 0:
            if not self.more():
                return False
        self.consumed = found + len(text)
        return True

    def line(self):
        start = self.consumed
        self.read_until("\n")
        return self.output[start:self.consumed]

    def rest(self):
        while self.more():
            pass
        start, self.consumed = self.consumed, len(self.output)
        return self.output[start:]
