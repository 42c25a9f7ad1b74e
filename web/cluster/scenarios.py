"""What is done to the cluster while pages are read and photos are uploaded. Each scenario returns
what was seen, with figures, and how long it took after the fault until all instances were well."""

import time
import urllib.request
from dataclasses import dataclass
from typing import Callable

from balancer import NOTICES
from load import sample
from processes import ClusterError, wait_until

OUTAGE = 20
SHARE = (0.30, 0.37)


@dataclass
class Outcome:
    seen: str
    recovery: float | None = None


@dataclass
class MayFail:
    """Why requests cannot but fail, and which share of them at most."""

    reason: str
    share: float


@dataclass
class Scenario:
    title: str
    run: Callable
    # None may fail unless it says so here.
    pages: MayFail | None = None
    photos: MayFail | None = None


def seconds_until(what, is_so, seconds=60):
    begun = time.monotonic()
    wait_until(what, is_so, seconds)
    return time.monotonic() - begun


def all_up(cluster):
    """Seconds until all instances get requests and are ready."""
    return seconds_until(
        "all instances get requests and are ready",
        lambda: len(cluster.balancer.healthy()) == 3
        and all(instance.is_ready() for instance in cluster.instances),
        seconds=120,
    )


def restart(cluster, instance, start=None):
    """Stops an instance with a signal, as it is stopped for an update, and starts it again."""
    instance.ask_to_stop()
    instance.wait_stopped()
    (start or instance.start)()
    instance.wait_healthy()
    cluster.wait_in(instance)


def even_distribution(cluster):
    found = sample(cluster, "/load-balancer-test", 300)
    if found.failed:
        raise ClusterError(f"{found.failed} of 300 requests failed")
    shares = {name: of["share"] for name, of in sorted(found.instances.items())}
    if len(shares) != 3 or not all(SHARE[0] <= share <= SHARE[1] for share in shares.values()):
        raise ClusterError(f"the shares are {shares}")
    words = ", ".join(f"{name} {share:.1%}" for name, share in shares.items())
    return Outcome(f"300 requests: {words.replace('%', ' %')}")


def rolling_restart(cluster):
    begun = time.monotonic()
    for instance in cluster.instances:
        restart(cluster, instance)
    took = time.monotonic() - begun
    return Outcome(f"all three were replaced one after the other in {took:.0f} s", all_up(cluster))


def draining(cluster):
    instance = cluster.instances[0]
    begun = time.monotonic()

    def since():
        return time.monotonic() - begun

    instance.ask_to_stop()
    wait_until("its health turns", lambda: instance.status("/health") == 503)
    turned = since()
    cluster.wait_out(instance)
    out = since()
    if instance.status("/gallery") != 200:
        raise ClusterError("a draining instance refuses requests")
    wait_until("its listener closes", lambda: instance.status("/health") is None)
    closed = since()
    instance.wait_stopped()
    instance.start()
    instance.wait_healthy()
    return Outcome(
        f"`/health` turned after {turned:.1f} s, the balancer took it out after {out:.1f} s, the "
        f"listener closed after {closed:.1f} s",
        all_up(cluster),
    )


def killed(cluster):
    instance = cluster.instances[1]
    instance.kill()
    out = seconds_until("it is taken out", lambda: not cluster.is_in(instance))
    time.sleep(5)
    instance.start()
    return Outcome(f"taken out after {out:.1f} s", all_up(cluster))


def hanging(cluster):
    instance = cluster.instances[2]
    instance.hang()
    out = seconds_until("it is taken out", lambda: not cluster.is_in(instance))
    time.sleep(OUTAGE)
    instance.wake()
    return Outcome(f"taken out after {out:.1f} s, woken {OUTAGE} s later", all_up(cluster))


def database_restarted(cluster):
    begun = time.monotonic()
    cluster.database.stop()
    cluster.database.start()
    away = time.monotonic() - begun
    return Outcome(f"it was away for {away:.1f} s", all_up(cluster))


def store_unavailable(cluster):
    before = cluster.gate.refused
    cluster.gate.is_down.set()
    time.sleep(OUTAGE)
    cluster.gate.is_down.clear()
    refused = cluster.gate.refused - before
    if not refused:
        raise ClusterError("nobody asked S3 for anything")
    return Outcome(f"S3 refused {refused} requests in {OUTAGE} s", all_up(cluster))


def unruly_queues(cluster):
    before = cluster.functions.repeated()
    cluster.functions.set_unruly(True)
    time.sleep(OUTAGE)
    cluster.functions.set_unruly(False)
    repeated = cluster.functions.repeated() - before
    if not repeated:
        raise ClusterError("no message was delivered twice")
    return Outcome(f"{repeated} messages came a second time", all_up(cluster))


def functions_killed(cluster):
    kills = 0
    for turn in range(8):
        if wait_until(
            "a function works", lambda turn=turn: cluster.functions.kill_one(turn), 30, 0.01
        ):
            kills += 1
        time.sleep(3)
    return Outcome(f"{kills} processes were killed in the middle of a batch", all_up(cluster))


def disk_full(cluster):
    instance = cluster.instances[2]
    instance.has_small_disk = True
    restart(cluster, instance)
    filler = instance.filler()
    with filler.open("wb") as file:
        try:
            while True:
                file.write(bytes(1 << 20))
                file.flush()
        except OSError:
            pass
    if instance.is_ready():
        raise ClusterError("an instance without room says that it is ready")
    if instance.status("/health") != 200:
        raise ClusterError("an instance without room is not healthy")
    time.sleep(OUTAGE)
    filler.unlink()
    recovery = all_up(cluster)
    instance.has_small_disk = False
    restart(cluster, instance)
    return Outcome(f"{instance.name} had no room for {OUTAGE} s", recovery)


def clock_off(cluster):
    instance = cluster.instances[1]
    restart(cluster, instance, lambda: instance.start_with_clock("+5m"))
    time.sleep(OUTAGE)
    page = cluster.get("/api/images?limit=20", instance.port)
    if page is None:
        raise ClusterError("the instance whose clock is off does not list images")
    pictures = 0
    for image in page["items"]:
        for url in image["urls"].values():
            if url and url.startswith("http"):
                with urllib.request.urlopen(url, timeout=10) as answer:
                    pictures += answer.status == 200
    if not pictures:
        raise ClusterError("the instance whose clock is off signed no address")
    restart(cluster, instance)
    return Outcome(
        f"{instance.name} was 5 minutes ahead; {pictures} addresses that it signed were accepted",
        all_up(cluster),
    )


UNNOTICED = f"it accepts connections, and the balancer takes up to {NOTICES} s to notice"

SCENARIOS = [
    Scenario("Even distribution over three", even_distribution),
    Scenario("Rolling restart", rolling_restart),
    Scenario("A draining instance is taken out before it stops", draining),
    Scenario(
        "An instance is killed", killed,
        pages=MayFail("what it was working on is cut off", 0.05),
        photos=MayFail("what it was working on is cut off", 0.1),
    ),
    Scenario(
        "An instance hangs (SIGSTOP)", hanging,
        pages=MayFail(UNNOTICED, 0.2),
        photos=MayFail(UNNOTICED, 0.2),
    ),
    Scenario(
        "The database is restarted", database_restarted,
        pages=MayFail("queries that ran are cut off, and pages need the database", 0.4),
        photos=MayFail("transactions that ran are cut off", 0.4),
    ),
    Scenario(
        "S3 answers 503", store_unavailable,
        photos=MayFail("a photo that cannot be stored is refused with 503, and not lost", 0.9),
    ),
    Scenario("The queues deliver twice and out of order", unruly_queues),
    Scenario("Functions are killed in mid-batch", functions_killed),
    Scenario(
        "The disk of an instance is full", disk_full,
        photos=MayFail(
            "it refuses photos with 503, and stays healthy because it serves pages", 0.25
        ),
    ),
    Scenario("The clock of an instance is 5 minutes off", clock_off),
]
