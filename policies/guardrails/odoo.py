"""Odoo in a workload: which processes it runs, how many connections they open, and which way to the database they take.

Read as an auditor would (facts in Odoo's own source, `odoo/service/server.py` and `tools/config.py`): command line
first, then environment, then odoo.conf, which is a key of the Secret that an ExternalSecret's template makes.
"""

import configparser
import posixpath
import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Final

from guardrails import kinds
from guardrails.kubernetes.workloads import Workload
from guardrails.reading import Node

if TYPE_CHECKING:
    from guardrails.graph import Graph

_WRAPPERS: Final = ("tini", "dumb-init", "--", "-g", "-s", "exec", "entrypoint.sh", "wait-for-psql.py")
_SHELLS: Final = ("sh", "bash", "ash")
_PROGRAMS: Final = ("odoo", "odoo-bin", "click-odoo", "click-odoo-update", "click-odoo-initdb")
_ENVIRONMENT: Final = {"db_host": "PGHOST", "db_name": "PGDATABASE"}
"""Options that 19 takes from the environment; 18's entrypoint does for the host."""

MAXCONN: Final = 64
"""Odoo's own default of db_maxconn: per process."""

CONF: Final = "/etc/odoo/odoo.conf"


class Way(StrEnum):
    """How a workload reaches PostgreSQL."""

    POOLED = "pooled"
    DIRECT = "direct"
    STANDBY = "standby"
    ELSEWHERE = "elsewhere"


@dataclass(frozen=True)
class Path:
    """`pooler` is the Pooler in this stack, None for one of another stack or without."""

    way: Way
    host: str
    pooler: str | None


class OdooPod:
    """A workload whose container runs Odoo, or one of its tools."""

    def __init__(self, workload: Workload, container: Node, graph: "Graph") -> None:
        self.workload, self.container, self._graph = workload, container, graph
        self.argv = [*container.words("command"), *container.words("args")]

    # Options

    def text(self, option: str, default: str | None = None) -> str | None:
        """An option as Odoo would take it."""
        dashed = option.replace("_", "-")
        for index, word in enumerate(self.argv):
            name, equals, value = word.partition("=")
            if name in (f"--{dashed}", f"--{option}"):
                return value if equals else next(iter(self.argv[index + 1 : index + 2]), default)
        variable = _ENVIRONMENT.get(option)
        if variable and (node := self.environment(variable)):
            return node.text("value")
        return self.conf.get(option, default)

    def count(self, option: str, default: int) -> int:
        """A whole number. Unjudged if it is none."""
        text = self.text(option, str(default))
        if text is None or not re.fullmatch(r"-?[0-9]+", text.strip()):
            raise self.container.unjudged(f"runs Odoo with {option} that is no whole number")
        return int(text)

    def environment(self, name: str) -> Node | None:
        """The container's environment variable of that name."""
        return self._environment.get(name)

    @cached_property
    def _environment(self) -> dict[str, Node]:
        return {each.text("name"): each for each in self.container.items("env")}

    @property
    def conf(self) -> dict[str, str]:
        """The [options] of its odoo.conf; empty where it has none."""
        return self.sections.get("options", {})

    @cached_property
    def sections(self) -> dict[str, dict[str, str]]:
        """Every section of its odoo.conf by name; none where it has no such file."""
        rc = self.environment("ODOO_RC")
        file = rc.text("value") if rc else CONF
        for mount in self.container.items("volumeMounts"):
            if mount.text("mountPath").rstrip("/") == posixpath.dirname(file):
                return self._read(mount.text("name"), posixpath.basename(file))
        return {}

    def _read(self, volume: str, key: str) -> dict[str, dict[str, str]]:
        named = [each for each in self.workload.spec.items("volumes") if each.text("name") == volume]
        secret = named[0].text("secret.secretName", "") if named else ""
        for external in self._graph.within(self.workload.namespace, kinds.EXTERNAL_SECRET):
            if external.text("spec.target.name", external.object_name) == secret:
                return _sections(external.at("spec.target.template.data").entries().get(key), external)
        raise self.container.unjudged(f"has its odoo.conf from Secret {secret}, which no ExternalSecret here makes")

    # Processes

    @property
    def serves(self) -> bool:
        """Whether it is Odoo's server that runs, and not a tool that ends."""
        return not self.program.startswith("click-") and "--stop-after-init" not in self.argv

    @property
    def is_gevent(self) -> bool:
        """`odoo gevent`: nothing but the websocket process."""
        return self.argv[self._at + 1 : self._at + 2] == ["gevent"]

    @property
    def workers(self) -> int:
        return 0 if self.is_gevent else self.count("workers", 0)

    @property
    def cron_threads(self) -> int:
        """Processes for scheduled actions (threads where `workers` is 0); Odoo's own default is 2."""
        return 0 if self.is_gevent or not self.serves else self.count("max_cron_threads", 2)

    @property
    def gevent_processes(self) -> int:
        """The websocket process: alone, or the child that prefork starts beside its workers."""
        prefork = self.workers > 0 or (self.workers < 0 and "--no-http" not in self.argv)
        return int(self.is_gevent or prefork)

    @property
    def http_processes(self) -> int:
        """Prefork's workers; one where it is threaded or a tool."""
        if not self.serves:
            return 1
        return 0 if self.is_gevent else max(self.workers, 0) if self.workers else 1

    @property
    def runs_queue(self) -> bool:
        """Whether it is queue_job's runner: it has channels of its own, where every other tier says `root:0`."""
        channels = self.environment("ODOO_QUEUE_JOB_CHANNELS")
        return channels is not None and channels.text("value") != "root:0" and self.serves

    @property
    def listens(self) -> list[str]:
        """What in it LISTENs or holds session locks; the child of prefork does too, but nothing is routed to it."""
        found = ["websocket"] if self.is_gevent else []
        found += [f"{self.cron_threads} cron"] if self.cron_threads else []
        return [*found, "queue runner"] if self.runs_queue else found

    @property
    def maxconn(self) -> int:
        return self.count("db_maxconn", MAXCONN)

    @property
    def maxconn_gevent(self) -> int:
        return self.count("db_maxconn_gevent", self.maxconn)

    # Database

    @cached_property
    def path(self) -> Path:
        """Which way `db_host` leads. Unjudged where it is not known, or not said."""
        host = self.text("db_host")
        if not host:
            raise self.container.unjudged("runs Odoo without a db_host")
        return path_of(host, self.workload.namespace, self._graph)

    @property
    def runner_path(self) -> Path:
        """The queue runner has a host of its own, else that of the rest."""
        own = self.environment("ODOO_QUEUE_JOB_JOBRUNNER_DB_HOST")
        return path_of(own.text("value"), self.workload.namespace, self._graph) if own else self.path

    @cached_property
    def program(self) -> str:
        """What it runs behind init and entrypoint; the image's own command, where it says none, is `odoo`."""
        return "odoo" if self._is_implied else posixpath.basename(self.argv[self._at])

    @property
    def _is_implied(self) -> bool:
        """Whether nothing or only options are given: the image's own command takes them."""
        return self._at >= len(self.argv) or self.argv[self._at].startswith("-")

    @cached_property
    def is_odoo(self) -> bool:
        """Unjudged where Odoo is hidden in a shell's text."""
        configured = self.environment("ODOO_RC") is not None
        if configured and self.program in _SHELLS and any("odoo" in word for word in self.argv):
            raise self.container.unjudged("runs Odoo inside a shell, where its options can't be seen")
        return self.program in _PROGRAMS and (configured or not self._is_implied)

    @cached_property
    def _at(self) -> int:
        words = enumerate(posixpath.basename(word) for word in self.argv)
        return next((index for index, word in words if word not in _WRAPPERS), len(self.argv))


def odoo_pods_of(workload: Workload, graph: "Graph") -> list[OdooPod]:
    """Containers of the workload that run Odoo."""
    if workload.is_database or workload.is_pooler:
        return []
    containers = [*workload.containers, *workload.init_containers]
    return [pod for each in containers if (pod := OdooPod(workload, each, graph)).is_odoo]


def path_of(host: str, namespace: str, graph: "Graph") -> Path:
    """Where a host name leads: a Pooler's Service, or one of those that CloudNativePG makes for a cluster.

    In shared hosting neither is of this stack: the cluster is known by its Database, and what is not one of that
    cluster's own Services in its namespace is taken for its pooler.
    """
    service, _, rest = host.partition(".")
    space = rest.partition(".")[0] or namespace
    if graph.named(kinds.POOLER, space, service):
        return Path(Way.POOLED, host, service)
    clusters = {each.object_name for each in graph.within(space, kinds.POSTGRES_CLUSTER)}
    foreign = {each.text("spec.cluster.name") for each in graph.within(space, kinds.DATABASE)}
    for name in clusters | foreign:
        if service.startswith(f"{name}-"):
            suffix = service.removeprefix(f"{name}-")
            if suffix == "rw":
                return Path(Way.DIRECT, host, None)
            if suffix in ("ro", "r"):
                return Path(Way.STANDBY, host, None)
            if name in foreign - clusters:
                return Path(Way.POOLED, host, None)
    return Path(Way.ELSEWHERE, host, None)


def _sections(node: Node | None, external: Node) -> dict[str, dict[str, str]]:
    if node is None:
        raise external.at("spec.target.template.data").unjudged("has no odoo.conf")
    parser = configparser.RawConfigParser(strict=False)
    try:
        parser.read_string(node.text())
        sections = {name: dict(parser[name]) for name in parser.sections()}
    except configparser.Error:
        sections = {}
    if "options" not in sections:
        raise node.unjudged("is no odoo.conf with [options]")
    return sections
