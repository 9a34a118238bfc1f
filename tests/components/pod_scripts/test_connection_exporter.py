"""What the sidecar of the websocket tier counts."""

import http.server
import threading
import urllib.request

from components.pod_scripts.connection_exporter import METRIC, WEBSOCKET_PORT, Metrics, count

HEADER = "  sl  local_address rem_address   st tx_queue rx_queue\n"


def row(port: int, state: str) -> str:
    return f"   0: 0A140A05:{port:04X} 0A140B07:D431 {state} 00000000:00000000 00:00000000 00000000   100\n"


def test_only_established_connections_to_the_port_count() -> None:
    listening, closing = row(WEBSOCKET_PORT, "0A"), row(WEBSOCKET_PORT, "06")
    table = HEADER + row(WEBSOCKET_PORT, "01") * 3 + listening + closing + row(8069, "01")
    assert count([table, HEADER + row(WEBSOCKET_PORT, "01"), HEADER]) == 4


def test_the_metric_is_served() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metrics)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.server_port}/metrics", timeout=5) as answer:
            body = answer.read().decode()
    finally:
        server.shutdown()
        server.server_close()
    assert body.startswith(f"# TYPE {METRIC} gauge\n{METRIC} ")
