"""Rotation: every password of a retailer is replaced, and nobody is logged out of the database.

Two roles take turns. The one that is not in use gets a new password; when PostgreSQL lets it in, it becomes the one
that Odoo is told; the reloader then restarts the pods, and the former role stays valid until the next run. The session
store keeps two tokens in the same way. So whatever still runs with the credentials of the last rotation works until the
next, and a run refuses to begin while there is a session of the role that it would change.

It may be killed at any moment and started again: what is under way carries the label AWSPENDING in Secrets Manager, and
each step looks at what is there before it acts. Two at once exclude each other by an advisory lock in the database.
Nothing that users see changes before all new passwords are proven to work; a run that fails names its step. No value is
ever printed.

In a shared database there is one role: between PostgreSQL's taking the new password and the restart of the pods, their
new connections fail (those they have live on). Roles that only read are changed in place, likewise.

Runs as a Kubernetes Job in the retailer's Odoo image, beside rotation_clients.py. Needs of the image: psycopg2 and
redis, which Odoo and session_redis bring, and botocore, which fs_attachment_s3 brings (fsspec[s3], s3fs, aiobotocore).
Exit status: 0 done, 1 not. Environment: ROTATION_PLAN, a file, see Plan.
"""

import functools
import importlib
import json
import os
import secrets
import string
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.pod_scripts.rotation_clients import (
    LOCK,
    SESSIONS,
    TRY_LOCK,
    Cache,
    Copies,
    Database,
    Value,
    Vault,
    kubernetes,
)

TERMINATION_LOG = Path("/dev/termination-log")
ALPHABET = string.ascii_letters + string.digits
POLL_SECONDS = 5
PATIENCE_SECONDS = 900
"""For one step. External Secrets and CloudNativePG answer within seconds, ElastiCache within minutes."""


@dataclass(frozen=True)
class Plan:
    """What to rotate, by names in Secrets Manager.

    login: what Odoo logs in with. slots: the secrets of the two roles that take turns; empty where there is one role,
    whose password `login` is. acts_as: the role that Odoo's sessions must act as. readers: roles that only read.
    admin: the database manager's password. store: the session store's; group: its replication group in ElastiCache,
    empty where it is a pod. copies: ExternalSecrets of the namespace, elsewhere: others that copy `login` (API paths).
    """

    login: str
    slots: list[str]
    acts_as: str
    readers: list[str]
    admin: str
    store: str
    group: str
    copies: str
    elsewhere: list[str]
    region: str
    database: dict[str, Any]
    store_host: str
    store_port: int


class Failed(Exception):
    """A step didn't work; the message may hold what must not be printed, until it is scrubbed."""


class Rotation:
    """One run. sleep and now: of the clock. report: takes what happens, already scrubbed."""

    def __init__(
        self,
        plan: Plan,
        vault: Vault,
        copies: Copies,
        database: Database,
        cache: Cache | None,
        *,
        report: Callable[[dict[str, Any]], None],
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._plan, self._vault, self._copies, self._database, self._cache = plan, vault, copies, database, cache
        self._report, self._sleep, self._now = report, sleep, now
        self.step = ""

    def run(self) -> None:
        """Raises whatever a step raises; `step` says which."""
        plan = self._plan
        with self._lock() as ask:
            slot = self._idle_slot()
            if slot is None:
                self._add_store_token()
                self._renew_in_place(plan.login, elsewhere=True)
            elif not self._in_use(slot):
                self._renew_idle_role(slot, ask)
                for reader in plan.readers:
                    self._renew_in_place(reader)
                self._add_store_token()
                self._switch(slot, ask)
            self._renew_rest()
            self._begin("finish")
            self._vault.settle(plan.store)
            if slot is not None:
                self._vault.settle(slot)  # the last: until then the next run goes on with this one

    @contextmanager
    def _lock(self) -> Iterator[Callable[..., Any]]:
        self._begin("take the lock")
        for credentials in (self._vault.current(self._plan.login), self._vault.previous(self._plan.login)):
            if credentials and self._database.acting_as(credentials):
                with self._database.session(credentials) as ask:
                    if not ask(TRY_LOCK, LOCK):
                        raise Failed("another rotation is under way")
                    yield ask
                return
        raise Failed("PostgreSQL refuses the credentials that are in use, and those before")

    def _idle_slot(self) -> str | None:
        """The secret of the role whose turn it is; that of an interrupted run first. None where there is one role."""
        for slot in self._plan.slots:
            if self._vault.pending(slot):
                return slot
        return next((slot for slot in self._plan.slots if not self._in_use(slot)), None)

    def _in_use(self, slot: str) -> bool:
        return self._vault.current(slot)["username"] == self._vault.current(self._plan.login)["username"]

    def _renew_idle_role(self, slot: str, ask: Callable[..., Any]) -> None:
        """The role that is not in use gets a new password, and is let in with it."""
        vault, plan = self._vault, self._plan
        role = vault.current(slot)["username"]
        self._begin(f"see that nobody uses {role}")
        if sessions := ask(SESSIONS, role):
            raise Failed(f"{sessions} sessions of {role} are left, of pods that the last rotation has not restarted")
        self._begin(f"replace the password of {role}")
        self._propose(slot, {"username": role})
        vault.promote(slot)
        self._copy([slot])
        self._begin(f"log in as {role}")
        self._wait(lambda: self._database.acting_as(vault.current(slot)) is not None, f"PostgreSQL refuses {role}")
        if (acts_as := self._database.acting_as(vault.current(slot))) != plan.acts_as:
            raise Failed(
                f"{role} acts as {acts_as} and not as {plan.acts_as}: what it creates would not be the owner's"
            )

    def _renew_in_place(self, secret: str, *, elsewhere: bool = False) -> None:
        """The one role of that secret gets a new password; the old one comes back where PostgreSQL doesn't take it."""
        vault = self._vault
        role = vault.current(secret)["username"]
        self._begin(f"replace the password of {role}")
        self._propose(secret, {"username": role})
        vault.promote(secret)
        try:
            self._copy([secret], elsewhere=elsewhere)
            self._wait(
                lambda: self._database.acting_as(vault.current(secret)) is not None, f"PostgreSQL refuses {role}"
            )
        except Failed:
            vault.withdraw(secret)
            self._copy([secret], elsewhere=elsewhere)
            raise
        vault.settle(secret)

    def _add_store_token(self) -> None:
        """The session store takes a new token beside the one in use."""
        cache, store = self._cache, self._plan.store
        if cache is None:
            return
        self._begin("add a token to the session store")
        token = self._propose(store, {})["password"]
        self._wait(cache.ready, "the session store is being changed")
        if not cache.accepts(token):  # an interrupted run may have added it; twice would push out the one in use
            cache.add(token)
        self._wait(lambda: cache.ready() and cache.accepts(token), "the session store refuses the new token")

    def _switch(self, slot: str, ask: Callable[..., Any]) -> None:
        self._begin("tell Odoo the new credentials")
        ask("SELECT 1")  # fails where the connection is gone, and the lock with it
        self._vault.put(self._plan.login, self._vault.current(slot))

    def _renew_rest(self) -> None:
        """What only pods read changes at once with their credentials, so that they restart once."""
        plan, vault = self._plan, self._vault
        self._begin("hand the new passwords to the pods")
        if self._cache:
            vault.promote(plan.store)
        else:
            vault.put(plan.store, {"password": _password()})
        vault.put(plan.admin, {"admin_passwd": _password()})
        self._copy([plan.login, plan.store, plan.admin])

    def _propose(self, secret: str, known: Value) -> Value:
        """The pending value of a secret: that of an interrupted run, or a new password beside what is known."""
        value = self._vault.pending(secret)
        if value is None:
            value = {**known, "password": _password()}
            self._vault.put(secret, value, "AWSPENDING")
        return value

    def _copy(self, secrets_: list[str], *, elsewhere: bool = False) -> None:
        """Bring the current versions into the Secrets of Kubernetes, and wait until they are there."""
        paths = sorted({path for secret in secrets_ for path in self._copies.of(secret, elsewhere=elsewhere)})
        before = {path: self._copies.refresh(path, secrets.token_hex(8)) for path in paths}
        for path, version in before.items():
            name = path.rpartition("/")[2]
            self._wait(functools.partial(self._copies.refreshed, path, version), f"External Secrets leaves {name} old")

    def _begin(self, step: str) -> None:
        self.step = step
        self._report({"step": step})

    def _wait(self, condition: Callable[[], bool], otherwise: str) -> None:
        """Raises Failed. The Kubernetes API may be away for a moment: EKS replaces its servers now and then."""
        deadline = self._now() + PATIENCE_SECONDS
        while True:
            try:
                if condition():
                    return
            except OSError as error:
                otherwise = f"{otherwise.partition(' (')[0]} ({error})"
            if self._now() > deadline:
                raise Failed(f"{otherwise}, {PATIENCE_SECONDS} s long")
            self._sleep(POLL_SECONDS)


def _password() -> str:
    """Like the first values (components/secrets.py): 40 letters and digits, which nothing has to escape."""
    return "".join(secrets.choice(ALPHABET) for _ in range(40))


def scrub(text: str, seen: set[str]) -> str:
    """The text without any password of the run."""
    for password in seen:
        text = text.replace(password, "***")
    return text


def run(rotation: Rotation, vault: Vault, report: Callable[[dict[str, Any]], None]) -> int:
    """Exit status. The last report says how it ended."""
    try:
        rotation.run()
    except Exception as error:
        reason = scrub(f"{type(error).__name__}: {error}", vault.seen)
        report({"rotated": False, "step": rotation.step, "reason": reason})
        return 1
    report({"rotated": True})
    return 0


def main() -> int:
    # In the image, not in this project.
    botocore, psycopg2, redis = map(importlib.import_module, ("botocore.session", "psycopg2", "redis"))
    plan = Plan(**json.loads(Path(os.environ["ROTATION_PLAN"]).read_text()))
    aws = botocore.get_session()
    vault = Vault(aws.create_client("secretsmanager", region_name=plan.region))

    def log_in(token: str) -> bool:
        store = redis.Redis(plan.store_host, plan.store_port, password=token, ssl=True, socket_timeout=10)
        try:
            return bool(store.ping())
        except redis.AuthenticationError:
            return False
        except redis.ConnectionError as error:
            raise ConnectionError(str(error)) from None

    def report(event: dict[str, Any]) -> None:
        text = scrub(json.dumps(event), vault.seen)
        print(text, flush=True)
        if "rotated" in event:
            TERMINATION_LOG.write_text(text)

    request = kubernetes(os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"])
    connect = functools.partial(psycopg2.connect, **plan.database, connect_timeout=10, application_name="rotation")
    rotation = Rotation(
        plan,
        vault,
        Copies(request, plan.copies, plan.elsewhere),
        Database(connect, psycopg2.OperationalError),
        Cache(aws.create_client("elasticache", region_name=plan.region), plan.group, log_in) if plan.group else None,
        report=report,
    )
    return run(rotation, vault, report)


if __name__ == "__main__":
    sys.exit(main())
