"""Free TCP ports on loopback."""

import socket
from contextlib import ExitStack

_LOOPBACK = "127.0.0.1"

# What Go's net package logs when it can't listen.
TAKEN = "address already in use"


def free_ports(count: int) -> list[int]:
    """That many different ports nobody listens on now. Another program may still be quicker: be ready to ask again."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) for _ in range(count)]
        for each in sockets:
            each.bind((_LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def is_free(port: int) -> bool:
    """Whether that port can be listened on now, connections that wind down aside."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return False
        return True
