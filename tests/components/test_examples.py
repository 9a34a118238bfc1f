"""The example in every component's docstring is run as it stands there, and makes that component."""

import ast
import importlib
import json
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pulumi
import pytest
from pulumi_aws import iam

from components.access import ClusterAccess, SharedDatabase
from components.database_archive import cluster_name
from components.odoo_pod import OdooPodArgs
from components.odoo_tier import OdooTierArgs
from components.providers import Providers
from components.tier_role import Filestore
from rehearsal.engine.model import Evaluation
from retail import versions
from retail.naming import Identity, Pool
from retail.plan import Plan

COMPONENTS = Path(__file__).parents[2] / "components"
MARK = "Example:"
SUBNETS = {f"eu-central-1{zone}": f"subnet-{zone}" for zone in "abc"}

MADE = {
    "backups": "components.backups.Backups",
    "cluster": "components.cluster.Cluster",
    "key": "components.encryption.EncryptionKey",
    "network": "components.network.Network",
    "platform": "components.platform.Platform",
    "redis": "components.redis.Redis",
    "postgres": "components.postgres.Postgres",
    "secrets": "components.secrets.Secrets",
    "system_pool": "components.managed_node_pool.ManagedNodePool",
}
"""Names under which examples refer to components that were made before."""


class Example(NamedTuple):
    """A public component, the module it is in, and the code under `Example:` in its docstring."""

    module: ModuleType
    component: str
    code: str


def examples() -> Iterator[Example]:
    for path in sorted(COMPONENTS.rglob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            bases = [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []
            if isinstance(node, ast.ClassDef) and "pulumi.ComponentResource" in bases:
                text = ast.get_docstring(node) or ""
                code = textwrap.dedent(text.split(MARK, 1)[1]).strip() if MARK in text else ""
                name = ".".join(path.relative_to(COMPONENTS.parent).with_suffix("").parts)
                # Imported here and not in the program: what the engine imports afresh would be other classes than ours.
                yield Example(importlib.import_module(name), node.name, code)


EXAMPLES = {example.component: example for example in examples()}


class Outcome(NamedTuple):
    """What the examples registered, and what went wrong with which."""

    evaluation: Evaluation
    failures: dict[str, str]


@pytest.fixture(scope="module")
def outcome(run_component: Any, identity: Identity, make_test_plan: Callable[..., Plan]) -> Outcome:
    """All examples in one program, each below a resource of its own, so that their names don't meet."""
    plan = make_test_plan()
    failures: dict[str, str] = {}

    def build(opts: Any, backup: Any) -> None:
        standard = standard_names(identity, plan, opts, backup)
        for component, example in EXAMPLES.items():
            scope = pulumi.ComponentResource("test:examples:Scope", component, {}, opts)
            below = pulumi.ResourceOptions(parent=scope)
            module = vars(example.module)
            made = module[component]
            run = {
                **module,
                **standard,
                "self": scope,
                "child": below,
                "in_aws": below,
                "in_cluster": below,
                # An example may leave its options out: they are its caller's business.
                component: lambda name, args, opts=None, made=made, below=below: made(name, args, opts or below),
            }
            try:
                exec(compile(example.code, component, "exec"), run)  # noqa: S102 - our own docstrings
            except Exception as error:
                failures[component] = f"{type(error).__name__}: {error}"

    return Outcome(run_component(build), failures)


@pytest.mark.parametrize("component", sorted(EXAMPLES))
def test_the_example_makes_the_component(component: str, outcome: Outcome) -> None:
    assert EXAMPLES[component].code, f"no `{MARK}` in the docstring of {component}"
    assert component not in outcome.failures, outcome.failures[component]
    below = [r for r in outcome.evaluation.resources.values() if r.parent.endswith(f"test:examples:Scope::{component}")]
    assert [resource.type.rsplit(":", 1)[-1] for resource in below if resource.type.startswith("retail:")], component
    assert component in {resource.type.rsplit(":", 1)[-1] for resource in below}


def standard_names(identity: Identity, plan: Plan, opts: Any, backup: Any) -> dict[str, Any]:
    """What examples may refer to: whose and how much, providers, and components that were made before."""

    class Made(pulumi.ComponentResource):
        """Stands for a component made before: it has the outputs that its class declares, as plain texts."""

        def __init__(self, name: str, declared: type) -> None:
            super().__init__("test:examples:Made", name, {}, opts)
            for output, kind in declared.__annotations__.items():
                given = SUBNETS if "dict" in str(kind) else f"{name}-{output}"
                setattr(self, output, access if output == "access" else given)

    access = plain(
        ClusterAccess,
        vpc_cidr=plan.settings.vpc_cidr,
        private_subnet_ids=SUBNETS,
        public_subnet_ids=SUBNETS,
        shared_database=plain(SharedDatabase),
    )
    made = {name: Made(name, resolve(path)) for name, path in MADE.items()}
    workload, _, names = opts.providers
    filestore = plain(Filestore)
    pod = plain(OdooPodArgs, identity=identity, plan=plan, placement_owner=identity.retailer)
    return {
        **made,
        "identity": identity,
        "plan": plan,
        "settings": plan.settings,
        "objectives": plan.objectives,
        "access": access,
        "replication_role": iam.Role("replication", assume_role_policy="{}", opts=opts),
        "public_cidrs": ["10.20.0.0/20"],
        "policy": json.dumps({"Version": "2012-10-17", "Statement": []}),
        "versions": versions,
        "Pool": Pool,
        "cluster_name": cluster_name,
        "providers": Providers(workload=workload, backup=backup, random=names),
        "backup_provider": backup,
        "filestore": filestore,
        "pod": pod,
        "tier_args": {
            tier: plain(OdooTierArgs, pod=pod, tier=sized, filestore=filestore) for tier, sized in plan.tiers.items()
        },
    }


def plain(made: type[Any], **given: Any) -> Any:
    """A dataclass of what resources hand on, with its fields' own names where no value is given."""
    needed = [each.name for each in fields(made) if each.default is MISSING and each.default_factory is MISSING]
    return made(**{**{name: name for name in needed}, **given})


def resolve(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)
