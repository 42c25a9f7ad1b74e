"""The checks work under every launcher: signals are restored in children, and time limits hold."""

import os
import signal
import sys
import time
import unittest
from pathlib import Path

from processes import Child, Terminal, run

CHECKS = Path(__file__).resolve().parent


def is_running(process):
    """Whether it runs. A zombie, which was killed but not reaped yet, does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends(process):
    """Whether it ends within ten seconds: a signal takes effect a moment after it was sent."""
    limit = time.monotonic() + 10
    while is_running(process) and time.monotonic() < limit:
        time.sleep(0.01)
    return not is_running(process)


class Signals(unittest.TestCase):
    def test_children_have_default_actions_under_a_launcher_that_ignores_signals(self):
        program = (
            "import subprocess, sys\n"
            "from processes import run\n"
            "for name in sys.argv[1:]:\n"
            "    print(name, run(['sh', '-c', f'kill -{name} $$; echo ignored'], 30).returncode)\n"
        )
        names = ("HUP", "INT", "QUIT", "TERM", "PIPE")
        launcher = ["sh", "-c", f"trap '' {' '.join(names)} CHLD; exec \"$@\"", "sh", sys.executable, "-c", program, *names]
        ran = run(launcher, 60, cwd=CHECKS)
        expected = "".join(f"{name} {-getattr(signal, f'SIG{name}')}\n" for name in names)
        self.assertEqual((ran.stdout, ran.stderr), (expected, ""))

    def test_exit_statuses_are_seen_under_a_launcher_that_ignores_sigchld(self):
        program = (
            "import signal\n"
            "signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
            "from processes import run\n"
            "print(run(['sh', '-c', 'exit 3'], 30).returncode)\n"
        )
        self.assertEqual(run([sys.executable, "-c", program], 60, cwd=CHECKS).stdout, "3\n")

    def test_an_interrupt_reaches_a_program_at_a_terminal(self):
        terminal = Terminal(["/bin/sh", "-c", "echo started; exec sleep 600"], 30, {"PATH": os.environ["PATH"]})
        self.addCleanup(terminal.close)
        self.assertTrue(terminal.read_until("started\n"))
        terminal.write("\x03")
        terminal.rest()


class TimeLimits(unittest.TestCase):
    # The shell ends at once; its child keeps the pipe open.
    GRANDCHILD = ["sh", "-c", "sleep 600 & echo $!"]

    def setUp(self):
        self.started = time.monotonic()

    def tearDown(self):
        self.assertLess(time.monotonic() - self.started, 60)

    def test_a_grandchild_that_keeps_the_pipe_open_does_not_block_run(self):
        with self.assertRaisesRegex(AssertionError, r"did not finish in 1 s: …\d+") as raised:
            run(self.GRANDCHILD, 1)
        self.assertTrue(ends(int(str(raised.exception).split("…")[1])))

    def test_a_grandchild_that_keeps_the_pipe_open_does_not_block_reads(self):
        child = Child(self.GRANDCHILD, 1)
        self.addCleanup(child.kill)
        grandchild = int(child.line())
        with self.assertRaisesRegex(AssertionError, "did not go on within 1 s"):
            child.rest()
        self.assertTrue(ends(grandchild))

    def test_a_program_that_closes_its_output_does_not_block_the_wait(self):
        child = Child(["sh", "-c", "exec > /dev/null; sleep 600"], 1)
        self.addCleanup(child.kill)
        with self.assertRaisesRegex(AssertionError, "did not go on within 1 s"):
            child.rest()

    def test_a_silent_program_at_a_terminal_does_not_block_reads(self):
        terminal = Terminal(["/bin/sh", "-c", "trap '' INT; echo ready; while :; do sleep 1; done"], 1, {"PATH": os.environ["PATH"]})
        self.addCleanup(terminal.close)
        # Before it ignores the signal, the signal ends it.
        self.assertTrue(terminal.read_until("ready"))
        terminal.write("\x03")
        with self.assertRaisesRegex(AssertionError, "did not go on within 1 s"):
            terminal.rest()
        terminal.close()
        self.assertTrue(ends(terminal.pid))


if __name__ == "__main__":
    unittest.main()
