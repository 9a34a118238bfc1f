"""What a rotation talks to: Secrets Manager, ElastiCache, External Secrets and PostgreSQL.

Each class is handed its connection, so that tests drive the same code against servers of their own (see rotate.py for
where it runs and what it needs of the image).
"""

import contextlib
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

Value = dict[str, str]
"""A secret's value: one JSON object of texts."""

CURRENT, PENDING, PREVIOUS = "AWSCURRENT", "AWSPENDING", "AWSPREVIOUS"

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
FORCE_SYNC = "force-sync"
"""External Secrets fetches anew whenever an annotation changes (its FAQ); this one means nothing else."""

LOCK = 7_245_110_642
"""PostgreSQL advisory lock of rotations, one in each retailer's database. Any number that nothing else uses there."""

TRY_LOCK = "SELECT pg_try_advisory_lock(%s)"
ACTS_AS = "SELECT current_user"
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = %s"
"""By who logged in, whoever that acts as; any role may see that much of the others' sessions."""

AT_ITS_LIMIT = "too many connections for role"


class Vault:
    """Secrets Manager. The label AWSPENDING on a version says that its rotation isn't over: it is the only journal.

    seen: every password that was read or written, for whoever must not print one.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.seen: set[str] = set()

    def current(self, secret: str) -> Value:
        value = self._labelled(secret, CURRENT)
        if value is None:
            raise LookupError(f"{secret} has no current version")
        return value

    def previous(self, secret: str) -> Value | None:
        return self._labelled(secret, PREVIOUS)

    def pending(self, secret: str) -> Value | None:
        return self._labelled(secret, PENDING)

    def put(self, secret: str, value: Value, label: str = CURRENT) -> None:
        """A new version under that label; what had AWSCURRENT becomes AWSPREVIOUS."""
        self._learn(value)
        self._client.put_secret_value(SecretId=secret, SecretString=json.dumps(value), VersionStages=[label])

    def promote(self, secret: str) -> None:
        """Make the pending version, if there is one, the current one. It stays pending."""
        labels = self._labels(secret)
        if labels.get(PENDING, labels[CURRENT]) != labels[CURRENT]:
            self._move(secret, CURRENT, labels[CURRENT], labels[PENDING])

    def withdraw(self, secret: str) -> None:
        """Make the former version current again where the pending one has taken its place, and forget that one."""
        labels = self._labels(secret)
        if labels[PENDING] == labels[CURRENT]:
            self._move(secret, CURRENT, labels[CURRENT], labels[PREVIOUS])
        self.settle(secret)

    def settle(self, secret: str) -> None:
        """The rotation of that secret is over."""
        if pending := self._labels(secret).get(PENDING):
            self._client.update_secret_version_stage(SecretId=secret, VersionStage=PENDING, RemoveFromVersionId=pending)

    def _labels(self, secret: str) -> dict[str, str]:
        """Label -> version."""
        versions = self._client.describe_secret(SecretId=secret).get("VersionIdsToStages", {})
        return {label: version for version, labels in versions.items() for label in labels}

    def _labelled(self, secret: str, label: str) -> Value | None:
        version = self._labels(secret).get(label)
        if version is None:
            return None
        value: Value = json.loads(
            self._client.get_secret_value(SecretId=secret, VersionId=version, VersionStage=label)["SecretString"]
        )
        self._learn(value)
        return value

    def _move(self, secret: str, label: str, source: str, target: str) -> None:
        self._client.update_secret_version_stage(
            SecretId=secret, VersionStage=label, RemoveFromVersionId=source, MoveToVersionId=target
        )

    def _learn(self, value: Value) -> None:
        self.seen |= {text for key, text in value.items() if key != "username"}


class Cache:
    """An ElastiCache replication group with AUTH. It keeps the two newest tokens: with ROTATE the oldest goes."""

    def __init__(self, client: Any, group: str, login: Callable[[str], bool]) -> None:
        self._client, self._group, self.accepts = client, group, login

    def ready(self) -> bool:
        """Whether the group takes a change, and none is under way."""
        (found,) = self._client.describe_replication_groups(ReplicationGroupId=self._group)["ReplicationGroups"]
        return found["Status"] == "available" and not found.get("PendingModifiedValues", {}).get("AuthTokenStatus")

    def add(self, token: str) -> None:
        self._client.modify_replication_group(
            ReplicationGroupId=self._group,
            AuthToken=token,
            AuthTokenUpdateStrategy="ROTATE",
            ApplyImmediately=True,
        )


class Copies:
    """ExternalSecrets: of this namespace all, elsewhere those named (path of the object in the Kubernetes API)."""

    def __init__(
        self, request: Callable[[str, str, dict[str, Any] | None], dict[str, Any]], own: str, elsewhere: list[str]
    ) -> None:
        self._request, self._own, self._elsewhere = request, own, elsewhere

    def of(self, secret: str, *, elsewhere: bool = False) -> list[str]:
        """Paths of the ExternalSecrets that read the secret, here or elsewhere."""
        if elsewhere:
            found = [(path, self._request("GET", path, None)) for path in self._elsewhere]
        else:
            items = self._request("GET", self._own, None)["items"]
            found = [(f"{self._own}/{item['metadata']['name']}", item) for item in items]
        return [path for path, item in found if secret in _remote_keys(item)]

    def refresh(self, path: str, reason: str) -> str:
        """Have it fetched anew. Returns the version that it had synced before. `reason`: never the same twice."""
        annotated = {"metadata": {"annotations": {FORCE_SYNC: reason}}}
        return _synced_version(self._request("PATCH", path, annotated))

    def refreshed(self, path: str, before: str) -> bool:
        """Whether it has fetched since: the operator notes what it has synced by a hash of the annotations, and only
        after the Secret is written (external-secrets 1.3, GetResourceVersion)."""
        found = self._request("GET", path, None)
        conditions = found.get("status", {}).get("conditions", [])
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        return ready and _synced_version(found) != before


def _remote_keys(external_secret: dict[str, Any]) -> set[str]:
    return {each["remoteRef"]["key"] for each in external_secret["spec"].get("data", [])}


def _synced_version(external_secret: dict[str, Any]) -> str:
    version: str = external_secret.get("status", {}).get("syncedResourceVersion", "")
    return version


class Database:
    """PostgreSQL's primary. connect: psycopg2.connect with host, port and database filled in. refused: its error."""

    def __init__(self, connect: Callable[..., Any], refused: type[Exception]) -> None:
        self._connect, self._refused = connect, refused

    def acting_as(self, credentials: Value) -> str | None:
        """The role that a session with these credentials acts as; None where they are refused.

        A role that has used up its connection limit is let in first and sent away then (PostgreSQL, InitPostgres): the
        password was right, and whom it acts as is not to be known.
        """
        try:
            with self.session(credentials) as ask:
                return str(ask(ACTS_AS))
        except self._refused as refusal:
            return credentials["username"] if AT_ITS_LIMIT in str(refusal) else None

    @contextlib.contextmanager
    def session(self, credentials: Value) -> Iterator[Callable[..., Any]]:
        """A function that runs a query with arguments and returns the first column of its first row."""
        connection = self._connect(user=credentials["username"], password=credentials["password"])
        try:
            connection.autocommit = True

            def ask(query: str, *arguments: Any) -> Any:
                with connection.cursor() as cursor:
                    cursor.execute(query, arguments)
                    return cursor.fetchone()[0]

            yield ask
        finally:
            connection.close()


def kubernetes(host: str, port: str) -> Callable[[str, str, dict[str, Any] | None], dict[str, Any]]:
    """`request(method, path, body)` to the API server that the pod runs under; PATCH merges.

    Raises OSError for what may pass, RuntimeError for a refusal. The token is read each time: the kubelet renews it.
    """
    base = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    tls = ssl.create_default_context(cafile=str(ACCOUNT / "ca.crt"))

    def request(method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        headers = {
            "Authorization": f"Bearer {(ACCOUNT / 'token').read_text()}",
            "Content-Type": "application/merge-patch+json",
        }
        data = json.dumps(body).encode() if body is not None else None
        call = urllib.request.Request(base + path, data, headers, method=method)  # noqa: S310 - https
        try:
            with urllib.request.urlopen(call, context=tls, timeout=30) as answer:  # noqa: S310
                parsed: dict[str, Any] = json.load(answer)
                return parsed
        except urllib.error.HTTPError as error:
            failure = ConnectionError if error.code == 429 or error.code >= 500 else RuntimeError
            raise failure(f"{method} {path}: {error.code} {error.reason}") from None

    return request
