"""make logs: shows and follows the logs of the web process and the functions."""

import os
import re
import time
from datetime import datetime, timezone

from botocore.exceptions import ClientError

from operations.console import CommandError, say, select_function
from operations.state import require_deployed
from operations.variables import open_deployment

# Shown only if FUNCTION names one of them.
HIDDEN = ("collector", "metrics")
POLL_SECONDS = 5
# CloudWatch delivers events late and out of order, so this span is requested again at each poll.
OVERLAP_SECONDS = 30
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def main():
    deployment, _ = open_deployment()
    groups = require_deployed(deployment).outputs["log_groups"]
    groups = select_function(groups, {source: group for source, group in groups.items() if source not in HIDDEN})
    width = max(len(source) for source in groups)
    since = time.time() - seconds(os.environ.get("SINCE") or "10m")
    follow = os.environ.get("FOLLOW") != "0"
    client = deployment.client("logs")
    followers = [Follower(client, source, group, since, os.environ.get("FILTER", "")) for source, group in groups.items()]
    try:
        while True:
            lines = sorted(line for follower in followers for line in follower.new_lines())
            for timestamp, source, text in lines:
                moment = datetime.fromtimestamp(timestamp / 1000, timezone.utc)
                say(f"{moment:%Y-%m-%dT%H:%M:%S}.{timestamp % 1000:03}Z {source:{width}} {text}")
            if not follow:
                return
            time.sleep(POLL_SECONDS)
    except (KeyboardInterrupt, BrokenPipeError):
        # The normal end of following. _exit skips the flush of a broken standard output.
        os._exit(0)


def seconds(text):
    found = re.fullmatch(r"(\d+)([smhdw])", text)
    if not found:
        raise CommandError(f"Invalid SINCE={text}: expected a duration such as 30m, 2h or 7d")
    return int(found[1]) * UNITS[found[2]]


class Follower:
    """Reads one log group, each event once."""

    def __init__(self, client, source, group, since, pattern):
        self.client, self.source, self.group, self.pattern = client, source, group, pattern
        # Milliseconds since the epoch, as CloudWatch counts.
        self.newest = int(since * 1000)
        self.first = self.newest
        self.shown = {}

    def new_lines(self):
        start = max(self.first, self.newest - OVERLAP_SECONDS * 1000)
        self.shown = {event: timestamp for event, timestamp in self.shown.items() if timestamp >= start}
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
                        lines.append((event["timestamp"], self.source, event["message"].rstrip("\n")))
        except ClientError as error:
            if error.response["Error"]["Code"] == "ResourceNotFoundException":
                raise CommandError(f"The log group {self.group} does not exist. make deploy creates it again.") from None
            raise
        return lines
