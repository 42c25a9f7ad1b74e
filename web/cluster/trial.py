"""Runs all scenarios and verifies after each that nothing is lost."""

import json
import time
from dataclasses import dataclass

from listener import Listener
from load import PHOTOS, Load, Loaded, sample
from processes import ClusterError, wait_until
from scenarios import Outcome, Scenario

# Load before a fault, and after everything is well again.
BEFORE, AFTER = 3, 3


@dataclass
class Result:
    scenario: Scenario
    outcome: Outcome
    loaded: Loaded
    backlog: float
    checked: dict


def first_start(cluster):
    """What three processes made of an empty database."""
    versions = cluster.database.query("SELECT version FROM seaql_migrations")
    if len(versions) != len({version for (version,) in versions}):
        raise ClusterError("a migration was applied twice")
    for instance in cluster.instances:
        if " ERROR " in instance.process.log.read_text():
            raise ClusterError(f"{instance.name} has logged an error:\n{instance.process.tail()}")
    seconds = f"{cluster.start_seconds:.1f}"
    seen = f"all three answered after {seconds} s, {len(versions)} migrations once each"
    return seen, check(cluster)


def play(cluster, scenario, seed):
    with Load(cluster, seed) as load:
        time.sleep(BEFORE)
        outcome = scenario.run(cluster)
        time.sleep(AFTER)
    backlog = cluster.wait_well()
    load.repeat()
    cluster.wait_well()
    verify(cluster, scenario, load.loaded)
    return Result(scenario, outcome, load.loaded, backlog, check(cluster))


def verify(cluster, scenario, loaded):
    """Raises an error if anything failed that may not, or is lost."""
    for what, counted, may_fail in (
        ("pages", loaded.pages, scenario.pages),
        ("photos", loaded.uploads, scenario.photos),
    ):
        most = may_fail.share * counted.requests if may_fail else 0
        if not counted.requests or counted.failed > most:
            raise ClusterError(
                f"{counted.failed} of {counted.requests} {what} failed: {counted.errors} "
                f"{counted.statuses}"
            )
    probe = sample(cluster, "/gallery", 60)
    if probe.failed:
        raise ClusterError(f"{probe.failed} of 60 requests fail afterwards: {probe.errors}")
    # The photos of failed uploads are there as well: they were uploaded once more.
    stored = {row[0] for row in cluster.database.query(
        "SELECT sha256 FROM image WHERE stored_at IS NOT NULL AND deleted_at IS NULL"
    )}
    tried = min(loaded.uploads.requests, PHOTOS)
    missing = tried - len(stored & loaded.hashes)
    if missing > 0:
        raise ClusterError(f"{missing} of {tried} photos are not there")
    if cut_short := cluster.database.number("SELECT count(*) FROM image WHERE stored_at IS NULL"):
        raise ClusterError(f"{cut_short} uploads were cut short, and not completed by another one")
    bad = cluster.database.query(
        "SELECT name, state, error FROM step WHERE state NOT IN ('done', 'queued', 'running')"
    )
    if bad:
        raise ClusterError(f"steps have failed: {bad[:5]}")
    if dead := cluster.queues.dead_letters():
        raise ClusterError(f"{dead} messages are dead letters")


def check(cluster):
    """What `vitrine check` says. It has to find nothing."""
    done = cluster.run("check", "--json")
    try:
        found = json.loads(done.stdout)
    except ValueError as error:
        raise ClusterError(f"vitrine check: {done.stdout} {done.stderr}") from error
    if not found["clean"]:
        raise ClusterError(f"vitrine check found {found['findings']}")
    return found


def heard(cluster, listener):
    """Whether the event stream told of every image."""
    images = {row[0] for row in cluster.database.query(
        "SELECT id FROM image WHERE stored_at IS NOT NULL AND deleted_at IS NULL"
    )}
    wait_until("the event stream has told of all images", lambda: images <= listener.seen(), 30)
    told = len(images & listener.by_stream)
    seen = (
        f"{listener.streams} streams; {told} of {len(images)} images were told when they were "
        f"done, the others found when the page compared itself ({listener.gaps} times)"
    )
    return seen, check(cluster)


def run(cluster, scenarios):
    """The results of the scenarios, and what was seen before and after them, by title."""
    others = {"First start of all three at once": first_start(cluster)}
    listener = Listener(cluster)
    listener.start()
    results = []
    for seed, scenario in enumerate(scenarios):
        begun = time.monotonic()
        print(f"{scenario.title} …", flush=True)
        result = play(cluster, scenario, seed)
        results.append(result)
        pages, uploads = result.loaded.pages, result.loaded.uploads
        print(
            f"    {result.outcome.seen}; pages {pages.requests}, {pages.failed} failed; photos "
            f"{uploads.requests}, {uploads.failed} failed; {result.checked['images']} rows, "
            f"{result.checked['objects']} objects; {time.monotonic() - begun:.0f} s",
            flush=True,
        )
    others["A client of the event stream, through all of it"] = heard(cluster, listener)
    listener.ends.set()
    for title, (seen, checked) in others.items():
        print(f"{title}: {seen}; {checked['images']} rows, {checked['objects']} objects", flush=True)
    return results, others
