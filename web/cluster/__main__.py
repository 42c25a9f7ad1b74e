"""Three instances of Vitrine on this machine, with everything that they have on AWS.

    cluster up BUILT TOOLS
    cluster test BUILT TOOLS [WORD]
    cluster ab BUILT TOOLS [COUNT [CONCURRENCY]]

BUILT is the folder with the programs of this repository, TOOLS the one with Garage and moto. `up`
serves until Ctrl-C. `test` breaks things, and writes docs/reliability.md; with WORD, it runs only the
scenarios with that word in their title, and writes nothing. `ab` measures /gallery.
"""

import datetime
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import bench
import report
import trial
from cluster import PASSWORD, Cluster, Programs
from processes import ClusterError, Processes
from scenarios import SCENARIOS

PAGE = Path(__file__).resolve().parents[2] / "docs/reliability.md"


def up(cluster):
    places = {
        "balancer (HAProxy)": cluster.balancer.url,
        **{of.name: f"http://127.0.0.1:{of.port}" for of in cluster.instances},
        "S3 and SQS, as Vitrine has them": cluster.gate.url,
        "Garage": f"http://127.0.0.1:{cluster.store.port}",
        "moto (SQS)": f"http://127.0.0.1:{cluster.queues.port}",
        "PostgreSQL": cluster.database.url,
        "logs": cluster.folder,
    }
    for name, place in places.items():
        print(f"{name:32} {place}")
    print(f"\nVitrine is at {cluster.balancer.url}\nThe password is: {PASSWORD}")
    print("Ctrl-C stops all.", flush=True)
    lasting = [cluster.database, cluster.store, cluster.balancer, *cluster.instances]
    while all(one.process.is_alive() for one in lasting):
        time.sleep(1)
    ended = next(one.process for one in lasting if not one.process.is_alive())
    raise ClusterError(f"{ended.name} has ended:\n{ended.tail()}")


def test(cluster, word=None):
    scenarios = [one for one in SCENARIOS if not word or word.lower() in one.title.lower()]
    if not scenarios:
        raise ClusterError(f"no scenario has the word {word!r} in its title")
    begun = time.monotonic()
    results, others = trial.run(cluster, scenarios)
    print(f"{len(results) + len(others)} scenarios in {time.monotonic() - begun:.0f} s")
    if word:
        return
    facts = {
        "date": datetime.date.today().isoformat(),
        "build": cluster.programs.built.name,
        "cores": len(os.sched_getaffinity(0)),
    }
    PAGE.write_text(report.document(results, others, facts))
    print(f"Written: docs/{PAGE.name}")


def ab(cluster, count="500000", concurrency="1500"):
    bench.run(cluster, int(count), int(concurrency))


COMMANDS = {"up": up, "test": test, "ab": ab}


def interrupted(*_):
    raise KeyboardInterrupt


def raise_open_files():
    """For HAProxy and ab, which have two and one for each connection."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def main():
    if len(sys.argv) < 4 or sys.argv[1] not in COMMANDS:
        sys.exit(__doc__)
    _, command, built, tools, *more = sys.argv
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, interrupted)
    raise_open_files()
    # Others may look into it: PostgreSQL has another user.
    folder = Path(tempfile.mkdtemp(prefix="vitrine-cluster-"))
    folder.chmod(0o755)
    processes = Processes(folder)
    cluster = None
    keeps_logs = False
    try:
        programs = Programs(Path(built).resolve(), Path(tools).resolve())
        cluster = Cluster(processes, folder, programs)
        cluster.start()
        COMMANDS[command](cluster, *more)
    except ClusterError as error:
        keeps_logs = True
        sys.exit(f"{error}\nThe logs are in {folder}")
    except KeyboardInterrupt:
        if command != "up":
            sys.exit("\nInterrupted.")
        print("\nStopped.")
    finally:
        # Nothing is left running because somebody presses Ctrl-C again.
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)
        cluster.stop() if cluster else processes.kill_all()
        if not keeps_logs:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
