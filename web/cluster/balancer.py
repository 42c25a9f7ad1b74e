"""HAProxy in the place of the load balancer: round robin, and its health check with the thresholds of
terraform/modules/load_balancer. The interval is shorter, so that a run ends today."""

import socket

from processes import ClusterError, free_port, wait_until

# On AWS 30 seconds, with a timeout of 5.
INTERVAL = 2
TIMEOUT = 1
UNHEALTHY = 3
HEALTHY = 2
# How long it takes at most to take an instance out.
NOTICES = UNHEALTHY * (INTERVAL + TIMEOUT)

SETTINGS = """\
global
    stats socket {folder}/haproxy.sock mode 600 level admin

defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout check {timeout}s
    option forwardfor
    # Another instance is asked only where no connection was made, so nothing is done twice.
    retries 1
    retry-on conn-failure
    option redispatch 1

frontend site
    bind 127.0.0.1:{port}
    http-request set-header X-Forwarded-Proto http
    default_backend web

backend web
    balance roundrobin
    option httpchk GET /health
    http-check expect status 200
    default-server check inter {interval}s fall {unhealthy} rise {healthy}
{servers}
"""


class Balancer:
    def __init__(self, processes, folder, instances):
        self.processes = processes
        self.folder = folder
        self.instances = instances
        self.port = free_port()
        self.process = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def start(self):
        servers = "\n".join(
            f"    server {instance.name} 127.0.0.1:{instance.port}" for instance in self.instances
        )
        file = self.folder / "haproxy.cfg"
        file.write_text(
            SETTINGS.format(
                folder=self.folder, port=self.port, servers=servers, interval=INTERVAL,
                timeout=TIMEOUT, unhealthy=UNHEALTHY, healthy=HEALTHY,
            )
        )
        self.process = self.processes.start("haproxy", ["haproxy", "-db", "-f", file])
        wait_until("HAProxy has asked all instances", self.has_asked)

    def has_asked(self):
        """Whether all instances have answered. Before, HAProxy takes them for healthy."""
        if not self.process.is_alive():
            raise ClusterError(f"HAProxy does not start:\n{self.process.tail()}")
        rows = self.rows()
        return len(rows) == 3 and all(row["check_status"] == "L7OK" for row in rows)

    def healthy(self):
        """The names of the instances that get requests: "UP 1/3" is about to go, and still does."""
        return {row["svname"] for row in self.rows() if row["status"].startswith("UP")}

    def rows(self):
        """What HAProxy says about each instance."""
        try:
            lines = self.ask("show stat").splitlines()
        except OSError:
            return []
        names = lines[0].lstrip("# ").split(",")
        rows = [dict(zip(names, line.split(","))) for line in lines[1:] if line]
        return [row for row in rows if row["pxname"] == "web" and row["svname"] != "BACKEND"]

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(str(self.folder / "haproxy.sock"))
            connection.sendall(f"{command}\n".encode())
            parts = []
            while part := connection.recv(65536):
                parts.append(part)
        return b"".join(parts).decode()
