"""Free ports."""

import socket

from rehearsal.controlplane.ports import free_ports, is_free


def test_free_ports_are_different_and_can_be_listened_on() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    for port in ports:
        with socket.create_server(("127.0.0.1", port)):
            assert not is_free(port)
        assert is_free(port)
