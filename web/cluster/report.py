"""docs/reliability.md, written from what a run measured and from nothing else."""

from balancer import HEALTHY, INTERVAL, TIMEOUT, UNHEALTHY
from cluster import DRAIN
from load import PAGES_PER_SECOND, PATIENCE, PHOTOS_PER_SECOND
from queues import VISIBILITY

HEAD = """\
# Reliability

This page is written by `make cluster-test` from its last run. It starts three web processes
behind HAProxy, PostgreSQL, Garage (an S3 that checks signatures), SQS (moto) and the three functions as
their Lambda programs, all on one machine, and breaks them while `vitrine loadtest` reads
{pages} pages a second and uploads {photos} photos a second. Run of {date}, {build} build, {cores} cores.

HAProxy is in the place of the load balancer on AWS: round robin, `/health` every {interval} s ({aws_interval} s on
AWS) with a timeout of {timeout} s, out after {unhealthy} bad answers, in after {healthy} good ones, and another instance is asked
only where no connection was made. `VITRINE_DRAIN_SECONDS` is {drain}. A request that takes longer than
{patience} s has failed. Messages come back after {visibility} s. Garage tells nobody of new objects, so a proxy in front
of it does, as S3 would.

- **recovery**: seconds from the end of the fault until all three instances got requests and were ready
- **backlog**: seconds from the end of the load until no step was pending
- **rows, objects**: how many `vitrine check` verified after each scenario, originals read and compared
  with their SHA-256, and what it found. Before that, all photos of the scenario are uploaded once more,
  as people do who were refused: none may be refused again, all of them are stored, no upload is
  left unfinished, no step has failed, and no message is a dead letter.

"""

COLUMNS = (
    "scenario", "seen", "pages", "failed", "p99, ms", "photos", "failed", "recovery, s",
    "backlog, s", "rows", "objects", "findings",
)


def table(rows):
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(cells) + " |" for cells in rows]
    return "\n".join(lines) + "\n"


def figure(number, digits=1):
    return "" if number is None else f"{number:.{digits}f}"


def cells(result):
    pages, uploads = result.loaded.pages, result.loaded.uploads
    return (
        result.scenario.title, result.outcome.seen, str(pages.requests), str(pages.failed),
        figure(pages.p99_ms, 0), str(uploads.requests), str(uploads.failed),
        figure(result.outcome.recovery), figure(result.backlog), *counted(result.checked),
    )


def counted(checked):
    findings = sum(tally["count"] for tally in checked["findings"].values())
    return str(checked["images"]), str(checked["objects"]), str(findings)


def failures(results):
    """What failed, of which kind, and why that cannot be avoided."""
    lines = []
    for result in results:
        for what, counted, may_fail in (
            ("pages", result.loaded.pages, result.scenario.pages),
            ("photos", result.loaded.uploads, result.scenario.photos),
        ):
            if counted.failed:
                kinds = ", ".join(f"{kind} {count}" for kind, count in counted.errors.items())
                lines.append(f"- {result.scenario.title}, {what} ({kinds}): {may_fail.reason}.")
    if not lines:
        return "Nothing failed.\n"
    return "Requests that failed, and why they cannot be avoided:\n\n" + "\n".join(lines) + "\n"


def document(results, others, facts):
    """The page: the scenarios with load, and before and after them what has no load of its own."""
    head = HEAD.format(
        pages=PAGES_PER_SECOND, photos=PHOTOS_PER_SECOND, interval=INTERVAL, aws_interval=30,
        timeout=TIMEOUT, unhealthy=UNHEALTHY, healthy=HEALTHY, drain=DRAIN, patience=PATIENCE,
        visibility=VISIBILITY, **facts,
    )
    first, *after = [
        (title, seen, *("",) * 7, *counted(checked)) for title, (seen, checked) in others.items()
    ]
    return head + table([first, *map(cells, results), *after]) + "\n" + failures(results)
