"""A client of the event stream that does what a browser's page does (web/static/events.js): it
reconnects with the id of the last event, and compares itself with the server where events may have
been missed."""

import http.client
import json
import threading
import time

# Before it reconnects, in seconds; browsers take about three.
PAUSE = 1
# The server sends a line every 15 seconds, if only a comment.
SILENCE = 70


def is_settled(image):
    return all(step["state"] in ("done", "failed", "blocked") for step in image["steps"].values())


class Listener(threading.Thread):
    def __init__(self, cluster):
        super().__init__(daemon=True, name="event stream")
        self.cluster = cluster
        self.last_id = None
        self.streams = 0
        self.gaps = 0
        self.by_stream = set()
        self.by_comparison = set()
        self.ends = threading.Event()

    def run(self):
        while not self.ends.is_set():
            try:
                self.listen()
            except (OSError, http.client.HTTPException, ValueError):
                pass
            self.ends.wait(PAUSE)

    def seen(self):
        """The images that were seen with all their steps done."""
        return self.by_stream | self.by_comparison

    def listen(self):
        headers = {"authorization": f"Bearer {self.cluster.token}"}
        if self.last_id:
            headers["last-event-id"] = self.last_id
        port = self.cluster.balancer.port
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SILENCE)
        try:
            connection.request("GET", "/api/events", headers=headers)
            answer = connection.getresponse()
            if answer.status != 200:
                # Here a browser gives up, and the page begins a new stream at the present.
                self.last_id = None
                return
            self.streams += 1
            self.read(answer)
        finally:
            connection.close()

    def read(self, answer):
        is_complete = self.last_id is not None
        event = {}
        while line := answer.readline():
            text = line.decode().rstrip("\r\n")
            if text.startswith(":") and not is_complete:
                is_complete = True
                self.compare()
            if text:
                name, _, value = text.partition(":")
                event[name] = value.strip()
            else:
                self.take(event)
                event = {}

    def take(self, event):
        if event.get("id"):
            self.last_id = event["id"]
        if event.get("event") == "image":
            image = json.loads(event["data"])
            if is_settled(image):
                self.by_stream.add(image["id"])

    def compare(self):
        """Reads all images, as a page that may have missed some."""
        self.gaps += 1
        path = "/api/images?limit=200"
        while path:
            page = self.cluster.get(path)
            if page is None:
                time.sleep(PAUSE)
                continue
            self.by_comparison |= {image["id"] for image in page["items"] if is_settled(image)}
            path = page["next"] and f"/api/images?limit=200&after={page['next']}"
