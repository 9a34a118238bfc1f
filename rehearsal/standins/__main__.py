"""`python -m rehearsal.standins`: the stand-ins of one control plane, as one process."""

import argparse
import logging
import signal
import sys
import time
from pathlib import Path

from rehearsal.cluster.client import Client
from rehearsal.errors import RehearsalError
from rehearsal.standins.catalogue import stand_ins
from rehearsal.standins.generated import Generator
from rehearsal.standins.supervisor import GONE_SECONDS, Supervisor

log = logging.getLogger("rehearsal.standins")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m rehearsal.standins", description=__doc__)
    parser.add_argument("--plane-dir", type=Path, required=True, help="the control plane's folder: holds the seed")
    parser.add_argument("--kubeconfig", type=Path, required=True)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s", stream=sys.stderr)
    try:
        client = _connect(arguments.kubeconfig)
        supervisor = Supervisor(client, stand_ins(Generator.of_plane(arguments.plane_dir)))
    except (RehearsalError, OSError) as problem:
        log.error("%s", problem)
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    supervisor.run()
    return 0


def _connect(kubeconfig: Path) -> Client:
    """A client, as soon as the API server answers."""
    deadline = time.monotonic() + GONE_SECONDS
    while True:
        try:
            return Client(kubeconfig)
        except RehearsalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


if __name__ == "__main__":
    sys.exit(main())
