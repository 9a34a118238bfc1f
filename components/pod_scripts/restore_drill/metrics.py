"""The outcome as Prometheus reads it: the pod answers scrapes for a while after the drill, then ends.

So nothing in between has to keep the figures, and the pod needs no right to write anywhere.
"""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .report import Report

PORT = 9102


def exposition(report: Report) -> str:
    """Prometheus' text format, version 0.0.4."""
    lines = [
        _metric("checks_failed", "gauge", "What was not as promised", {"": float(len(report.failures))}),
        _metric(
            "duration_seconds",
            "gauge",
            "How long each phase took",
            {f'{{phase="{phase}"}}': seconds for phase, seconds in report.seconds.items()},
        ),
        _metric("bytes", "gauge", "Size of what was restored", {"": float(report.size)}),
        _metric("attachments_compared", "gauge", "Attachments whose checksum was compared", {"": report.attachments}),
    ]
    if report.recovered_to is not None:
        lines.append(
            _metric(
                "recovered_to_timestamp_seconds", "gauge", "Newest commit that came back", {"": report.recovered_to}
            )
        )
        age = report.started - report.recovered_to
        lines.append(_metric("data_age_seconds", "gauge", "Age of that commit when the drill began", {"": age}))
    if report.proven:
        lines.append(_metric("success_timestamp_seconds", "gauge", "Last proof of a restore", {"": report.finished}))
    return "".join(lines)


def _metric(name: str, kind: str, about: str, values: dict[str, float]) -> str:
    name = f"restore_drill_{name}"
    samples = "".join(f"{name}{labels} {value}\n" for labels, value in values.items())
    return f"# HELP {name} {about}.\n# TYPE {name} {kind}\n{samples}"


def serve(report: Report, seconds: float, port: int = PORT) -> None:
    """Answer every GET with the metrics, for so many seconds."""
    body = exposition(report).encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Scrapes are not worth a line."""

    with ThreadingHTTPServer(("", port), Handler) as server:
        threading.Timer(seconds, server.shutdown).start()
        server.serve_forever()
