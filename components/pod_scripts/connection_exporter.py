"""Sidecar of the websocket tier: tells Prometheus how many clients are connected, which Odoo itself does not.

The containers of a pod share one network, so the kernel's own table of connections is there to count.
"""

import http.server
from pathlib import Path

METRIC = "retail_websocket_connections"
WEBSOCKET_PORT, METRICS_PORT = 8072, 9101
ESTABLISHED = "01"


def count(tables: list[str]) -> int:
    """Established connections to the websocket port in the text of /proc/net/tcp and tcp6."""
    rows = [row.split() for table in tables for row in table.splitlines()[1:]]
    return sum(int(row[1].rpartition(":")[2], 16) == WEBSOCKET_PORT and row[3] == ESTABLISHED for row in rows)


class Metrics(http.server.BaseHTTPRequestHandler):
    """GET of any path: the one metric, in Prometheus's text format."""

    def do_GET(self) -> None:
        """The name is http.server's."""
        connections = count(
            [path.read_text() for path in map(Path, ("/proc/net/tcp", "/proc/net/tcp6")) if path.exists()]
        )
        body = f"# TYPE {METRIC} gauge\n{METRIC} {connections}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silent: a line for every scrape would be noise."""


if __name__ == "__main__":
    http.server.ThreadingHTTPServer(("", METRICS_PORT), Metrics).serve_forever()
