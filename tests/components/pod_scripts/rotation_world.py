"""A world for rotations: small servers that behave as Secrets Manager, ElastiCache, External Secrets, CloudNativePG and
PostgreSQL do, as far as a rotation can see it.

Every call that reaches one of them is counted, and can be cut off: before it has an effect or just after.
"""

import copy
import functools
import itertools
import json
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from components.pod_scripts.rotate import Plan, Rotation, run
from components.pod_scripts.rotation_clients import ACTS_AS, SESSIONS, TRY_LOCK, Cache, Copies, Database, Vault

OWN, SHARED = "/apis/external-secrets.io/v1/namespaces/acme/externalsecrets", "/apis/x/platform/acme-database-app"
OWNER, A, B, READONLY, KEDA = "acme", "acme_a", "acme_b", "acme_readonly", "acme_keda"


class Killed(BaseException):
    """SIGKILL: no handler of the script runs."""


class Refused(Exception):
    """psycopg2.OperationalError."""


class World:
    """shared: one role, whose password is copied elsewhere. managed: ElastiCache instead of a pod.

    kill_at: number of the call that never returns. kill_after: whether it has had its effect by then.
    """

    def __init__(self, *, shared: bool = False, managed: bool = True) -> None:
        self.shared, self.managed = shared, managed
        self.calls, self.kill_at, self.kill_after = 0, 0, False
        self.events: list[dict[str, Any]] = []
        self.time = 0.0
        self.versions: dict[str, dict[str, tuple[str, set[str]]]] = {}
        self.ids = (f"{number:032}" for number in itertools.count())
        first = "first-of-"
        self.roles = {OWNER: first + OWNER} if shared else {role: first + role for role in (A, B, READONLY, KEDA)}
        usernames = {"app": OWNER} if shared else {"a": A, "b": B, "app": A, "readonly": READONLY, "keda": KEDA}
        for secret, role in usernames.items():
            self.store(secret, {"username": role, "password": self.roles[role]})
        self.store("admin", {"admin_passwd": "first-of-admin"})
        self.store("redis", {"password": "first-of-redis"})
        self.tokens = ["first-of-redis"]
        self.modifying = 0
        self.copies = {f"{OWN}/{name}": _copy(name, read) for name, read in _copies(shared, managed).items()}
        if shared:
            self.copies[SHARED] = _copy("acme-database-app", ["app"])
        self.refuses_to_copy: set[str] = set()
        self.acts_as = OWNER
        self.sessions: list[str] = []
        self.locks: list[object] = []
        self.operator_works = True
        for path in self.copies:
            self.sync(path)
        self.restart_pods()

    # What is true of it

    def value(self, secret: str, label: str = "AWSCURRENT") -> dict[str, str] | None:
        found = [text for text, labels in self.versions[secret].values() if label in labels]
        return json.loads(found[0]) if found else None

    @property
    def journal(self) -> list[str]:
        return [secret for secret in self.versions if self.value(secret, "AWSPENDING")]

    def pods_can_work(self) -> bool:
        """Whether pods that start now, and those that started before the run, are let in everywhere."""
        new = self.copies[f"{OWN}/odoo-pos"]["data"]
        return all(
            self.roles[app["username"]] == app["password"] and (not self.managed or redis["password"] in self.tokens)
            for app, redis in ((new["app"], new["redis"]), self.running)
        )

    def restart_pods(self) -> None:
        data = self.copies[f"{OWN}/odoo-pos"]["data"]
        self.running = (copy.deepcopy(data["app"]), copy.deepcopy(data["redis"]))
        self.sessions = [self.running[0]["username"]]

    # A run

    def rotation(self) -> tuple[Rotation, Vault]:
        vault = Vault(SecretsManager(self))
        plan = Plan(
            login="app",
            slots=[] if self.shared else ["a", "b"],
            acts_as=OWNER,
            readers=[] if self.shared else ["readonly", "keda"],
            admin="admin",
            store="redis",
            group="acme-sessions" if self.managed else "",
            copies=OWN,
            elsewhere=[SHARED] if self.shared else [],
            region="eu-central-1",
            database={},
            store_host="",
            store_port=6379,
        )
        cache = Cache(ElastiCache(self), plan.group, self.log_in_to_store) if self.managed else None
        rotation = Rotation(
            plan,
            vault,
            Copies(self.kubernetes, plan.copies, plan.elsewhere),
            Database(self.connect, Refused),
            cache,
            report=self.events.append,
            sleep=self.sleep,
            now=lambda: self.time,
        )
        return rotation, vault

    def rotate(self) -> int:
        """Exit status of a run; Killed where it is cut off."""
        rotation, vault = self.rotation()
        try:
            return run(rotation, vault, self.events.append)
        finally:
            self.locks.clear()  # PostgreSQL ends the sessions of a client that is gone

    def call(self, effect: Callable[[], Any]) -> Any:
        self.calls += 1
        if self.calls == self.kill_at and not self.kill_after:
            raise Killed
        result = effect()
        if self.calls == self.kill_at:
            raise Killed
        return result

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.modifying = max(0, self.modifying - 1)

    # Servers

    def store(self, secret: str, value: dict[str, str], labels: tuple[str, ...] = ("AWSCURRENT",)) -> None:
        versions = self.versions.setdefault(secret, {})
        made = next(self.ids)
        versions[made] = (json.dumps(value), set())
        for label in labels:
            self.label(secret, label, made)

    def label(self, secret: str, label: str, version: str | None) -> None:
        for other, (_, labels) in self.versions[secret].items():
            if label in labels and other != version:
                labels.discard(label)
                if label == "AWSCURRENT":
                    self.label(secret, "AWSPREVIOUS", other)
        if version is not None:
            self.versions[secret][version][1].add(label)

    def kubernetes(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        def answer() -> dict[str, Any]:
            if path == OWN:
                return {"items": [found for where, found in self.copies.items() if where.startswith(OWN)]}
            found = self.copies[path]
            before = copy.deepcopy(found)
            if method == "PATCH":
                assert body is not None and set(body) == {"metadata"} and set(body["metadata"]) == {"annotations"}
                if path.rpartition("/")[2] not in self.refuses_to_copy:
                    self.sync(path)
                    found["status"]["syncedResourceVersion"] = f"1-{body['metadata']['annotations']['force-sync']}"
                return before
            return found

        result: dict[str, Any] = self.call(answer)
        return result

    def sync(self, path: str) -> None:
        """External Secrets copies what is current; CloudNativePG then gives the role that password."""
        found = self.copies[path]
        for secret in found["data"]:
            value = self.value(secret)
            assert value is not None
            found["data"][secret] = value
        name = path.rpartition("/")[2]
        if self.operator_works and name in ("a", "b", "readonly", "keda", "acme-database-app"):
            (value,) = found["data"].values()
            self.roles[value["username"]] = value["password"]

    def connect(self, *, user: str, password: str) -> "Connection":
        def answer() -> Connection:
            if self.roles.get(user) != password:
                raise Refused(f'password authentication failed for user "{user}" with {password}')
            return Connection(self, user)

        connection: Connection = self.call(answer)
        return connection

    def log_in_to_store(self, token: str) -> bool:
        return bool(self.call(lambda: token in self.tokens))


class Connection:
    """A session of psycopg2."""

    autocommit = False

    def __init__(self, world: World, user: str) -> None:
        self.world, self.user = world, user

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *failure: object) -> None: ...

    def cursor(self) -> "Connection":
        assert self.autocommit  # or idle_in_transaction_session_timeout would end a long rotation
        return self

    def execute(self, query: str, arguments: tuple[Any, ...]) -> None:
        world = self.world
        if query == TRY_LOCK:
            self.row: Any = not world.locks
            world.locks += [self] if self.row else []
        elif query == SESSIONS:
            self.row = world.sessions.count(arguments[0])
        elif query == ACTS_AS:
            self.row = world.acts_as if self.user in (A, B) else self.user
        else:
            self.row = 1

    def fetchone(self) -> tuple[Any]:
        return (self.row,)

    def close(self) -> None:
        if self in self.world.locks:
            self.world.locks.remove(self)


@functools.cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


class Client:
    """A client of botocore: refuses calls and parameters that AWS's own model of the service doesn't know."""

    service = ""

    def __init__(self, world: World) -> None:
        self.world = world

    def check(self, operation: str, parameters: dict[str, Any]) -> None:
        report = ParamValidator().validate(parameters, _model(self.service).operation_model(operation).input_shape)
        assert not report.has_errors(), report.generate_report()


class SecretsManager(Client):
    service = "secretsmanager"

    def describe_secret(self, **given: Any) -> dict[str, Any]:
        self.check("DescribeSecret", given)
        versions = self.world.versions[given["SecretId"]]
        return dict(
            self.world.call(
                lambda: {
                    "VersionIdsToStages": {name: sorted(labels) for name, (_, labels) in versions.items() if labels}
                }
            )
        )

    def get_secret_value(self, **given: Any) -> dict[str, Any]:
        self.check("GetSecretValue", given)
        text, labels = self.world.versions[given["SecretId"]][given["VersionId"]]
        assert given["VersionStage"] in labels
        return dict(self.world.call(lambda: {"SecretString": text}))

    def put_secret_value(self, **given: Any) -> None:
        self.check("PutSecretValue", given)
        value = json.loads(given["SecretString"])
        self.world.call(lambda: self.world.store(given["SecretId"], value, tuple(given["VersionStages"])))

    def update_secret_version_stage(self, **given: Any) -> None:
        self.check("UpdateSecretVersionStage", given)
        source = self.world.versions[given["SecretId"]][given["RemoveFromVersionId"]]
        assert given["VersionStage"] in source[1]
        self.world.call(
            lambda: self.world.label(given["SecretId"], given["VersionStage"], given.get("MoveToVersionId"))
        )


class ElastiCache(Client):
    """Keeps the two newest tokens; takes no change while one is under way."""

    service = "elasticache"

    def describe_replication_groups(self, **given: Any) -> dict[str, Any]:
        self.check("DescribeReplicationGroups", given)
        pending = {"AuthTokenStatus": "ROTATING"} if self.world.modifying else {}
        status = "modifying" if self.world.modifying else "available"
        return dict(
            self.world.call(lambda: {"ReplicationGroups": [{"Status": status, "PendingModifiedValues": pending}]})
        )

    def modify_replication_group(self, **given: Any) -> None:
        self.check("ModifyReplicationGroup", given)
        assert given["AuthTokenUpdateStrategy"] == "ROTATE" and given["ApplyImmediately"]
        assert not self.world.modifying, "InvalidReplicationGroupState"

        def effect() -> None:
            self.world.modifying = 3
            self.world.tokens = [*self.world.tokens[-1:], given["AuthToken"]]

        self.world.call(effect)


def _copies(shared: bool, managed: bool) -> dict[str, list[str]]:
    """ExternalSecrets of the namespace, and the secrets that each reads."""
    own = {} if shared else {name: [name] for name in ("a", "b", "readonly", "keda")}
    pod = {} if managed else {"redis-server": ["redis"]}
    return {
        **own,
        **pod,
        "redis": ["redis"],
        "odoo-pos": ["app", "admin", "redis"],
        "odoo-backoffice": ["app", "admin"],
    }


def _copy(name: str, secrets: list[str]) -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "spec": {"data": [{"remoteRef": {"key": secret}} for secret in secrets]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}], "syncedResourceVersion": "1-first"},
        "data": dict.fromkeys(secrets),
    }
