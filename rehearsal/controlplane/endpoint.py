"""One component's HTTPS endpoint on this machine: is it healthy, and the few requests the boot makes itself."""

import http.client
import ssl
from dataclasses import dataclass
from pathlib import Path

from rehearsal.errors import RehearsalError

# Seconds. Whether something is healthy is asked again and again; what answers never is another program on our port.
_HEALTH_TIMEOUT = 2.0
_REQUEST_TIMEOUT = 30.0


@dataclass(frozen=True)
class Endpoint:
    """An address on loopback, the authority that vouches for it, and the certificate we show it."""

    port: int
    health: str
    authority: Path
    certificate: Path
    key: Path

    def healthy(self) -> bool:
        """Whether the health path answers 200 now."""
        try:
            return self._status("GET", self.health, _HEALTH_TIMEOUT) == http.client.OK
        except (OSError, http.client.HTTPException):
            return False

    def delete(self, path: str) -> None:
        """DELETE that path; nothing there is fine. Raises RehearsalError with the status otherwise."""
        status = self._status("DELETE", path, _REQUEST_TIMEOUT)
        if status not in (http.client.OK, http.client.ACCEPTED, http.client.NOT_FOUND):
            raise RehearsalError(f"DELETE {path} was answered with {status}")

    def _status(self, method: str, path: str, timeout: float) -> int:
        context = ssl.create_default_context(cafile=self.authority)
        context.load_cert_chain(self.certificate, self.key)
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout, context=context)
        try:
            connection.request(method, path)
            return connection.getresponse().status
        finally:
            connection.close()
