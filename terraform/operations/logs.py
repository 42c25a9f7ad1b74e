"""make logs: what the web process and the functions write, as they write it."""

import os
import re
import time
from datetime import datetime, timezone

from botocore.exceptions import ClientError

from operations.console import Stop, chosen, say
from operations.state import deployed
from operations.variables import settle

# The others are the collector and the metrics, of interest when those are the question.
USUAL = ("web", "annotate", "thumbnail", "anonymise")
SECONDS_BETWEEN = 5
# Lines arrive late and out of order; those of this time are asked for once more.
OVERLAP_SECONDS = 30
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def main():
    place, _ = settle()
    groups = deployed(place).outputs["log_groups"]
    groups = chosen(groups, {what: groups[what] for what in USUAL})
    since = time.time() - seconds(os.environ.get("SINCE") or "10m")
    follow = os.environ.get("FOLLOW") != "0"
    client = place.client("logs")
    followers = [Follower(client, what, group, since, os.environ.get("FILTER", "")) for what, group in groups.items()]
    try:
        while True:
            lines = sorted(line for follower in followers for line in follower.new_lines())
            for when, what, text in lines:
                moment = datetime.fromtimestamp(when / 1000, timezone.utc)
                say(f"{moment:%Y-%m-%dT%H:%M:%S}.{when % 1000:03}Z {what:9} {text}")
            if not follow:
                return
            time.sleep(SECONDS_BETWEEN)
    except (KeyboardInterrupt, BrokenPipeError):
        # How one leaves.
        os._exit(0)


def seconds(text):
    found = re.fullmatch(r"(\d+)([smhdw])", text)
    if not found:
        raise Stop(f"SINCE={text} is no time, as in SINCE=30m, 2h or 7d")
    return int(found[1]) * UNITS[found[2]]


class Follower:
    """One log group, and what of it was shown."""

    def __init__(self, client, what, group, since, pattern):
        self.client, self.what, self.group, self.pattern = client, what, group, pattern
        self.newest = int(since * 1000)
        self.first = self.newest
        self.shown = {}

    def new_lines(self):
        start = max(self.first, self.newest - OVERLAP_SECONDS * 1000)
        self.shown = {event: when for event, when in self.shown.items() if when >= start}
        arguments = {"logGroupName": self.group, "startTime": start}
        if self.pattern:
            arguments["filterPattern"] = self.pattern
        lines = []
        try:
            for page in self.client.get_paginator("filter_log_events").paginate(**arguments):
                for event in page["events"]:
                    if event["eventId"] not in self.shown:
                        self.shown[event["eventId"]] = event["timestamp"]
                        self.newest = max(self.newest, event["timestamp"])
                        lines.append((event["timestamp"], self.what, event["message"].rstrip("\n")))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise Stop(f"There is no log group {self.group}. make deploy makes it again.") from None
            raise
        return lines
