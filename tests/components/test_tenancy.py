"""A retailer's namespace: what it may take, and who may talk to whom in it."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.network_policies import Neighbours, network_policies
from components.network_rules import PRIVATE_RANGES
from components.quota import resource_quotas
from components.tenancy import Tenancy, TenancyArgs
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import reveal
from retail.naming import Identity
from retail.plan import Plan
from retail.tiers import PROFILES, DatabasePath, Tier

CACHES = ("10.20.0.0/18", "10.20.64.0/18", "10.20.128.0/18")
API = ("10.20.240.0/27", "10.20.240.32/27", "10.20.240.64/27")
CIDRS = ("10.20.192.0/20", "10.20.208.0/20", "10.20.224.0/20")


@pytest.fixture(scope="module")
def run_tenancy(run_component: Any, identity: Identity) -> Callable[..., dict[tuple[str, str], Any]]:
    def run(plan: Plan, **changes: Any) -> dict[tuple[str, str], Any]:
        given: dict[str, Any] = {"edge": "acme", "managed_redis": True, **changes}

        def build(opts: pulumi.ResourceOptions, _backup: Any) -> None:
            args = TenancyArgs(
                identity=identity,
                plan=plan,
                cluster_name="acme-production",
                vpc_cidr="10.20.0.0/16",
                load_balancer_cidrs=CIDRS,
                **given,
            )
            Tenancy("tenancy", args, opts)

        found = kubernetes_objects(run_component(build))
        return {(item.kind, item.name): reveal(item.manifest) for item in found}

    return run


def policies(**changes: Any) -> dict[str, Any]:
    given: dict[str, Any] = {
        "edge": "acme",
        "edge_namespace": None,
        "database_namespace": None,
        "serves_retailer": True,
        "owns_edge": True,
        "owns_database": True,
        "redis_cidrs": CACHES,
        "has_standbys": True,
        "smtp_port": None,
        "api_cidrs": API,
        "load_balancer_cidrs": CIDRS,
        **changes,
    }
    return network_policies(Neighbours(**given))


def opened(spec: Any, direction: str, port: int) -> list[Any]:
    """Peers that a policy opens a port to."""
    side = {"ingress": "from", "egress": "to"}[direction]
    rules = spec.get(direction, [])
    return [peer for rule in rules if port in [p["port"] for p in rule["ports"]] for peer in rule[side]]


def test_pod_security_is_restricted_at_the_clusters_version(
    run_tenancy: Callable[..., Any], make_test_plan: Callable[..., Plan]
) -> None:
    labels = run_tenancy(make_test_plan())["Namespace", "acme-production"]["metadata"]["labels"]
    for level in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{level}"] == "restricted"
        assert labels[f"pod-security.kubernetes.io/{level}-version"] == "v1.35"
    assert labels["retail/edge"] == "acme"


@pytest.mark.parametrize("season", ["normal", "peak"])
def test_the_quota_holds_all_ceilings_in_a_rollout_and_little_more(
    make_test_plan: Callable[..., Plan], season: str
) -> None:
    plan = make_test_plan(season=season)
    hard = resource_quotas(plan, owns_edge=True)["quota"]["hard"]
    assert plan.database
    millis = sum(tier.peak_ceiling * 1.25 * tier.cpu_request_millis for tier in plan.tiers.values())
    millis += plan.database.instances * plan.database.cpu_millis + plan.traefik_replicas * 1000
    assert millis <= int(hard["requests.cpu"].removesuffix("m")) <= 1.6 * millis
    mib = sum(tier.peak_ceiling * 1.25 * tier.memory_limit_mib for tier in plan.tiers.values())
    mib += (plan.database.instances + 1) * plan.database.memory_mib
    assert mib <= int(hard["limits.memory"].removesuffix("Mi")) <= 1.6 * mib
    assert int(hard["requests.memory"].removesuffix("Mi")) <= int(hard["limits.memory"].removesuffix("Mi"))
    assert int(hard["pods"]) >= sum(tier.peak_ceiling * 1.25 for tier in plan.tiers.values()) + plan.database.instances


def test_the_quota_is_the_same_in_both_seasons(make_test_plan: Callable[..., Plan]) -> None:
    normal, peak = (resource_quotas(make_test_plan(season=season), owns_edge=True) for season in ("normal", "peak"))
    assert normal == peak


def test_who_has_no_edge_may_have_no_load_balancer(make_test_plan: Callable[..., Plan]) -> None:
    hard = resource_quotas(make_test_plan(), owns_edge=False)["quota"]["hard"]
    assert (hard["services.loadbalancers"], hard["services.nodeports"]) == ("0", "0")


def by_class(quotas: dict[str, Any]) -> dict[str, int]:
    """Pods allowed in each priority class."""
    found: dict[str, int] = {}
    for spec in quotas.values():
        for term in spec.get("scopeSelector", {}).get("matchExpressions", []):
            assert (term["scopeName"], term["operator"]) == ("PriorityClass", "In")
            found |= {name: int(spec["hard"]["pods"]) for name in term["values"]}
    return found


def test_priority_is_rationed(make_test_plan: Callable[..., Plan]) -> None:
    """Without it a retailer could run anything as `critical`, and on shared nodes push off another's tills."""
    plan = make_test_plan()
    allowed = by_class(resource_quotas(plan, owns_edge=True))
    assert allowed.keys() == {
        "critical",
        "important",
        "deferrable",
        "headroom",
        "system-cluster-critical",
        "system-node-critical",
    }
    assert allowed["system-cluster-critical"] == allowed["system-node-critical"] == 0
    classes = {tier: plan.tiers[tier].profile.workload_class for tier in plan.tiers}
    for workload_class in ("critical", "important", "deferrable"):
        pods = [plan.tiers[tier].peak_ceiling for tier, found in classes.items() if found == workload_class]
        assert sum(pods) < allowed[workload_class] <= 2 * sum(pods) + 12


def test_a_platform_runs_no_odoo(make_test_plan: Callable[..., Plan]) -> None:
    """Only its edge and database are there, and nothing is deferrable; the integration pooler is important."""
    plan = make_test_plan(retailer="acme", hosting="platform", domain="group.example")
    allowed = by_class(resource_quotas(plan, owns_edge=True))
    assert plan.database
    database = plan.database
    assert allowed["critical"] == plan.traefik_replicas + 1 + database.instances + 1 + database.pooler.instances + 1
    assert (allowed["important"], allowed["deferrable"]) == (database.integration.instances + 1, 0)


def test_everything_is_closed_first() -> None:
    assert policies()["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_pod_has_dns_and_the_identity_agent() -> None:
    spec = policies()["dns-and-identity"]
    assert opened(spec, "egress", 80) == [{"ipBlock": {"cidr": "169.254.170.23/32"}}]
    assert opened(spec, "egress", 53)[0]["podSelector"] == {"matchLabels": {"k8s-app": "kube-dns"}}


@pytest.mark.parametrize("tier", list(Tier))
def test_a_tier_reaches_postgresql_by_its_own_path_only(tier: Tier) -> None:
    spec = policies(has_standbys=False)[f"tier-{tier}"]
    (peer,) = opened(spec, "egress", 5432)
    pooled = PROFILES[tier].path is DatabasePath.POOLED
    assert ("cnpg.io/poolerName" in str(peer)) == pooled
    assert ("cnpg.io/podRole" in str(peer)) != pooled
    assert spec["podSelector"] == {"matchLabels": {"retail/tier": str(tier)}}


@pytest.mark.parametrize("tier", list(Tier))
def test_only_reports_reach_a_standby_and_never_the_primary(tier: Tier) -> None:
    direct = [peer for peer in opened(policies()[f"tier-{tier}"], "egress", 5432) if "cnpg.io/podRole" in str(peer)]
    if tier is Tier.BATCH:
        assert [peer["podSelector"]["matchLabels"]["cnpg.io/instanceRole"] for peer in direct] == ["replica"]
    else:
        assert "instanceRole" not in str(direct)


def test_standbys_let_in_reports_and_a_database_without_them_nobody() -> None:
    spec = policies()["database-standbys"]
    assert spec["podSelector"]["matchLabels"]["cnpg.io/instanceRole"] == "replica"
    (reader,) = opened(spec, "ingress", 5432)
    assert reader["podSelector"]["matchExpressions"][0]["values"] == ["batch"]
    assert "database-standbys" not in policies(has_standbys=False)


@pytest.mark.parametrize("tier", list(Tier))
def test_mail_leaves_by_its_own_port_and_from_tiers_that_send_it(tier: Tier) -> None:
    to_relay = opened(policies(smtp_port=587)[f"tier-{tier}"], "egress", 587)
    if tier in (Tier.WEBSOCKET, Tier.JOBRUNNER):
        assert not to_relay
    else:
        assert to_relay == [{"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE_RANGES}}]
    assert not opened(policies()[f"tier-{tier}"], "egress", 587)


def test_the_relay_and_the_standbys_of_the_plan_are_the_namespaces(
    run_tenancy: Callable[..., Any], make_test_plan: Callable[..., Plan]
) -> None:
    relay = {"smtp_host": "mail.example.com", "smtp_port": 2525, "smtp_user": "shop", "smtp_password": "secret"}
    found = run_tenancy(make_test_plan(**relay))
    assert opened(found["NetworkPolicy", "tier-pos"]["spec"], "egress", 2525)
    assert ("NetworkPolicy", "database-standbys") in found
    alone = run_tenancy(make_test_plan(objective_class="bronze", environment="test"))
    assert ("NetworkPolicy", "database-standbys") not in alone


def test_a_release_reaches_what_its_steps_ask_and_nobody_reaches_it() -> None:
    spec = policies()["release"]
    assert spec["podSelector"] == {"matchLabels": {"retail/tier": "release"}}
    assert spec["policyTypes"] == ["Egress"]
    (database,) = opened(spec, "egress", 5432)
    assert database["podSelector"]["matchLabels"] == {"cnpg.io/podRole": "instance"}
    assert {"ipBlock": {"cidr": API[0]}} in opened(spec, "egress", 443)
    assert {port["port"] for rule in spec["egress"] for port in rule["ports"]} == {443, 5432}


@pytest.mark.parametrize("tier", list(Tier))
def test_only_tiers_that_run_business_code_reach_the_world(tier: Tier) -> None:
    peers = opened(policies()[f"tier-{tier}"], "egress", 443)
    if tier in (Tier.WEBSOCKET, Tier.JOBRUNNER):
        assert not peers
    else:
        assert peers == [{"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE_RANGES}}]


def test_poolers_reach_no_archive() -> None:
    """They pass on every client's password, and have no business outside."""
    found = policies()
    public = {"ipBlock": {"cidr": "0.0.0.0/0", "except": PRIVATE_RANGES}}
    assert [name for name in found if name.startswith("database") and public in opened(found[name], "egress", 443)] == [
        "database-archive"
    ]
    assert {"key": "cnpg.io/poolerName", "operator": "DoesNotExist"} in found["database-archive"]["podSelector"][
        "matchExpressions"
    ]


@pytest.mark.parametrize("tier", list(Tier))
def test_only_traefik_reaches_the_tiers_that_people_use(tier: Tier) -> None:
    spec = policies()[f"tier-{tier}"]
    port = 8072 if tier is Tier.WEBSOCKET else 8069
    from_traefik = [peer for peer in opened(spec, "ingress", port) if "traefik" in str(peer)]
    routed = tier in (Tier.STOREFRONT, Tier.BACKOFFICE, Tier.POS, Tier.INTEGRATION, Tier.WEBSOCKET)
    assert bool(from_traefik) == routed
    assert ("Ingress" in spec["policyTypes"]) == ("ingress" in spec)


def test_jobs_come_from_the_runner() -> None:
    (peer,) = opened(policies()["tier-background"], "ingress", 8069)
    assert peer["podSelector"]["matchExpressions"][0]["values"] == ["jobrunner"]


def test_the_database_is_open_to_its_clients_its_operator_and_keda() -> None:
    spec = policies()["database-instances"]
    direct = [peer for peer in opened(spec, "ingress", 5432) if "retail/tier" in str(peer)]
    assert direct[0]["podSelector"]["matchExpressions"][0]["values"] == [
        "websocket",
        "jobrunner",
        "scheduled",
        "release",
        "rotation",
    ]
    assert [peer for peer in opened(spec, "ingress", 5432) if "keda-operator" in str(peer)]
    assert [peer for peer in opened(spec, "ingress", 8000) if "cnpg-system" in str(peer)]
    assert [peer for peer in opened(spec, "ingress", 9187) if "observability" in str(peer)]


def test_the_kubernetes_api_is_reached_at_its_own_addresses_only() -> None:
    """By whom needs it: 443 to the whole VPC would be 443 to every pod in it."""
    to_api = {"ipBlock": {"cidr": API[0]}}
    found = policies()
    asking = {name for name, spec in found.items() if to_api in opened(spec, "egress", 443)}
    assert asking == {"traefik", "database", "release", "rotation"}
    blocks = [peer["ipBlock"] for spec in found.values() for peer in opened(spec, "egress", 443) if "ipBlock" in peer]
    assert {block["cidr"] for block in blocks} == {*API, "0.0.0.0/0"}


def test_a_shared_retailer_uses_the_platforms_database_and_edge() -> None:
    found = policies(
        edge="platform", edge_namespace="platform", database_namespace="platform", owns_edge=False, owns_database=False
    )
    assert not {"traefik", "database", "database-instances"} & set(found)
    (database,) = opened(found["tier-pos"], "egress", 5432)
    (edge,) = opened(found["tier-pos"], "ingress", 8069)
    for peer in (database, edge):
        assert peer["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "platform"}}


def test_integration_reaches_its_own_poolers_and_nobody_else_does() -> None:
    found = policies()
    pools = {
        "pooler-integration": {"integration"},
        "pooler": {"storefront", "backoffice", "pos", "background", "batch"},
    }
    for pooler, tiers in pools.items():
        assert found[f"database-{pooler}"]["podSelector"]["matchLabels"] == {"retail/tier": pooler}
        clients = str(opened(found[f"database-{pooler}"], "ingress", 5432))
        for tier in Tier:
            (peer, *_) = opened(found[f"tier-{tier}"], "egress", 5432)
            leads_there = peer["podSelector"].get("matchLabels") == {"retail/tier": pooler}
            assert leads_there == (f"'{tier}'" in clients) == (str(tier) in tiers), (pooler, tier)


def test_reports_read_from_standbys_where_there_are_some() -> None:
    replica = {"cnpg.io/podRole": "instance", "cnpg.io/instanceRole": "replica"}
    found = policies(has_standbys=True)
    for tier in Tier:
        peers = [peer["podSelector"].get("matchLabels") for peer in opened(found[f"tier-{tier}"], "egress", 5432)]
        assert (replica in peers) == (tier is Tier.BATCH)
    assert found["database-standbys"]["podSelector"]["matchLabels"] == replica
    assert [peer["podSelector"] for peer in opened(found["database-standbys"], "ingress", 5432)] == [
        {"matchExpressions": [{"key": "retail/tier", "operator": "In", "values": ["batch"]}]}
    ]


def test_a_platform_lets_in_the_retailers_it_hosts() -> None:
    found = policies(edge="platform", serves_retailer=False)
    assert not [name for name in found if name.startswith("tier-")]
    hosted = {"namespaceSelector": {"matchLabels": {"retail/edge": "platform"}}}
    clients = [peer for peer in opened(found["database-pooler"], "ingress", 5432) if "retail/tier" in str(peer)]
    assert hosted.items() <= clients[0].items()
    assert all(hosted.items() <= peer.items() for peer in opened(found["traefik"], "egress", 8069))


def test_redis_is_a_pod_or_in_subnets_of_its_own_kind() -> None:
    caches = [{"ipBlock": {"cidr": cidr}} for cidr in CACHES]
    assert opened(policies()["tier-pos"], "egress", 6379) == caches  # not the whole VPC
    found = policies(redis_cidrs=())
    assert "redis" in str(opened(found["tier-pos"], "egress", 6379))
    assert opened(found["redis"], "ingress", 6379)
    assert not opened(found["tier-jobrunner"], "egress", 6379)


def test_the_managed_stores_subnets_are_the_private_ones(
    run_tenancy: Callable[..., Any], make_test_plan: Callable[..., Plan]
) -> None:
    spec = run_tenancy(make_test_plan())["NetworkPolicy", "tier-pos"]["spec"]
    assert opened(spec, "egress", 6379) == [{"ipBlock": {"cidr": cidr}} for cidr in CACHES]


def test_a_rotation_reaches_what_it_rotates_and_nobody_reaches_it() -> None:
    found = policies()
    rotation = found["rotation"]
    assert rotation["podSelector"] == {"matchLabels": {"retail/tier": "rotation"}}
    assert rotation["policyTypes"] == ["Egress"]
    assert opened(rotation, "egress", 5432) == [{"podSelector": {"matchLabels": {"cnpg.io/podRole": "instance"}}}]
    assert opened(rotation, "egress", 6379) == [{"ipBlock": {"cidr": cidr}} for cidr in CACHES]
    assert {"ipBlock": {"cidr": API[0]}} in opened(rotation, "egress", 443)  # the Kubernetes API
    assert "rotation" in str(opened(found["database-instances"], "ingress", 5432))
    others = {name: spec for name, spec in found.items() if name not in ("rotation", "database-instances")}
    assert not [name for name, spec in others.items() if "rotation" in str(spec)]
    assert not opened(policies(redis_cidrs=())["rotation"], "egress", 6379)  # a pod's password is not tried
    shared = policies(owns_database=False, database_namespace="platform-production")
    (peer,) = opened(shared["rotation"], "egress", 5432)
    assert peer["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "platform-production"}
    assert "rotation" not in policies(serves_retailer=False, redis_cidrs=())


def test_people_get_their_roles_by_group(run_tenancy: Callable[..., Any], make_test_plan: Callable[..., Plan]) -> None:
    """The retailer's own team by a group that no other namespace knows."""
    found = run_tenancy(make_test_plan())
    bindings = {name: item for (kind, name), item in found.items() if kind == "RoleBinding"}
    roles = {
        "platform-team": "admin",
        "approvers": "approver",
        "acme-production-application-team": "application-team",
    }
    assert {name: binding["roleRef"]["name"] for name, binding in bindings.items()} == roles
    for group, binding in bindings.items():
        assert binding["subjects"] == [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": group}]


def test_on_a_platform_there_is_no_application_team(
    run_tenancy: Callable[..., Any], make_test_plan: Callable[..., Plan]
) -> None:
    found = run_tenancy(make_test_plan(retailer="acme", hosting="platform", domain="group.example"))
    assert [name for kind, name in found if kind == "RoleBinding"] == ["platform-team", "approvers"]


def test_a_shared_retailer_must_name_its_platform(identity: Identity, make_test_plan: Callable[..., Plan]) -> None:
    shared = make_test_plan(
        hosting="shared",
        environment="training",
        **{"platform-stack": "organization/odoo-retail/platform", "objective-class": "bronze"},
    )
    with pytest.raises(pulumi.InputPropertiesError, match=r"edge_namespace must be .*; database_namespace must be"):
        TenancyArgs(
            identity=identity,
            plan=shared,
            cluster_name="acme-production",
            edge="platform",
            vpc_cidr="10.20.0.0/16",
            load_balancer_cidrs=CIDRS,
            managed_redis=False,
        )
