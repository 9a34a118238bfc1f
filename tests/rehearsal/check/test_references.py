"""Each case is a small program. What it lacks is named in the test; what is right is right without a finding."""

from collections.abc import Callable
from typing import Any

import pytest

from rehearsal.check.finding import Severity
from rehearsal.check.references import Proof

ProveYaml = Callable[..., Proof]

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, retail/tier: storefront}}
    spec:
      containers:
      - {name: odoo, image: odoo, ports: [{name: http, containerPort: 8069}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  selector: {app: web}
  ports: [{name: http, port: 80, targetPort: http}]
---
"""
CLUSTER = """
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: pg, namespace: shop}
spec:
  instances: 3
  plugins: [{name: barman-cloud.cloudnative-pg.io, isWALArchiver: true}]
---
"""


def pod(spec: str) -> str:
    """A Deployment `web` whose pod spec has these extra fields (YAML flow style), and one container."""
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop}}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec: {{{spec}}}
---
"""


def container(fields: str) -> str:
    return pod(f"containers: [{{name: odoo, image: odoo, {fields}}}]")


def simple(kind: str, name: str, namespace: str = "shop", version: str = "v1", rest: str = "") -> str:
    where = f", namespace: {namespace}" if namespace else ""
    return f"---\napiVersion: {version}\nkind: {kind}\nmetadata: {{name: {name}{where}}}\n{rest}\n---\n"


def custom(kind: str, version: str, name: str, spec: str, namespace: str = "shop") -> str:
    return simple(kind, name, namespace, version, f"spec: {{{spec}}}")


CONFIG = simple("ConfigMap", "conf", rest="data: {odoo.conf: x}")
SECRET = simple("Secret", "login", rest="stringData: {password: x}")
EXTERNAL = custom(
    "ExternalSecret", "external-secrets.io/v1", "login", "secretStoreRef: {name: aws, kind: ClusterSecretStore}, "
    "data: [{secretKey: password, remoteRef: {key: a}}]",
) + custom("ClusterSecretStore", "external-secrets.io/v1", "aws", "provider: {}", "")  # fmt: skip
NO_ENV = "env: [{name: A, valueFrom: {secretKeyRef: {name: login, key: password}}}]"

# name of the case, what is missing in the program, the program without it, what completes it
CASES: list[tuple[str, str, str, str]] = [
    ("service account", "ServiceAccount shop/odoo", pod("serviceAccountName: odoo"), simple("ServiceAccount", "odoo")),
    ("priority class", "PriorityClass critical", pod("priorityClassName: critical"),
     simple("PriorityClass", "critical", "", "scheduling.k8s.io/v1", "value: 1")),
    ("runtime class", "RuntimeClass gvisor", pod("runtimeClassName: gvisor"),
     simple("RuntimeClass", "gvisor", "", "node.k8s.io/v1")),
    ("pull secret", "Secret shop/login", pod("imagePullSecrets: [{name: login}]"), SECRET),
    ("env from secret", "Secret shop/login", container(NO_ENV), SECRET),
    ("env, promised", "Secret shop/login", container(NO_ENV), EXTERNAL),
    ("env key", "Secret shop/login has no key pasword", SECRET + container(NO_ENV.replace("password", "pasword")), ""),
    ("env key, promised", "has no key pasword", EXTERNAL + container(NO_ENV.replace("password", "pasword")), ""),
    ("envFrom", "ConfigMap shop/conf", container("envFrom: [{configMapRef: {name: conf}}]"), CONFIG),
    ("volume of a ConfigMap", "ConfigMap shop/conf",
     pod("volumes: [{name: a, configMap: {name: conf, items: [{key: odoo.conf, path: x}]}}]"), CONFIG),
    ("volume item", "no key odoo.cfg",
     CONFIG + pod("volumes: [{name: a, configMap: {name: conf, items: [{key: odoo.cfg, path: x}]}}]"), ""),
    ("volume of a Secret", "Secret shop/login", pod("volumes: [{name: a, secret: {secretName: login}}]"), SECRET),
    ("projected", "Secret shop/login",
     pod("volumes: [{name: a, projected: {sources: [{secret: {name: login}}]}}]"), SECRET),
    ("volume claim", "PersistentVolumeClaim shop/files",
     pod("volumes: [{name: a, persistentVolumeClaim: {claimName: files}}]"), simple("PersistentVolumeClaim", "files")),
    ("storage class", "StorageClass gp3",
     simple("PersistentVolumeClaim", "files", rest="spec: {storageClassName: gp3}"),
     simple("StorageClass", "gp3", "", "storage.k8s.io/v1")),
    ("mount without volume", "volume conf is mounted", container("volumeMounts: [{name: conf, mountPath: /x}]"), ""),
    ("probe port", "the container has no port of that name",
     container("ports: [{name: web, containerPort: 1}], livenessProbe: {httpGet: {port: http}}"), ""),
    ("namespace", "Namespace till", simple("ConfigMap", "conf", "till"), simple("Namespace", "till", "")),
    ("selector of pods", "no pods in namespace shop have the labels app=web",
     simple("Service", "web", rest="spec: {selector: {app: web}, ports: [{port: 80}]}"), ""),
    ("target port", "declares port 9999", WEB + simple(
        "Service", "other", rest="spec: {selector: {app: web}, ports: [{port: 80, targetPort: 9999}]}"), ""),
    ("budget", "have the labels app=wbe", WEB + simple(
        "PodDisruptionBudget", "web", version="policy/v1", rest="spec: {selector: {matchLabels: {app: wbe}}}"), ""),
    ("role of a binding", "Role shop/reader",
     simple("RoleBinding", "b", version="rbac.authorization.k8s.io/v1",
            rest="roleRef: {kind: Role, name: reader}\nsubjects: [{kind: ServiceAccount, name: default}]"),
     simple("Role", "reader", version="rbac.authorization.k8s.io/v1")),
    ("subject of a binding", "ServiceAccount shop/odoo",
     simple("RoleBinding", "b", version="rbac.authorization.k8s.io/v1",
            rest="roleRef: {kind: ClusterRole, name: view}\nsubjects: [{kind: ServiceAccount, name: odoo}]"),
     simple("ServiceAccount", "odoo")),
    ("scale target", "Deployment shop/web", custom(
        "ScaledObject", "keda.sh/v1alpha1", "web", "scaleTargetRef: {name: web}, triggers: []"), WEB),
    ("trigger authentication", "TriggerAuthentication shop/db", WEB + custom(
        "ScaledObject", "keda.sh/v1alpha1", "web",
        "scaleTargetRef: {name: web}, triggers: [{type: postgresql, authenticationRef: {name: db}}]"),
     custom("TriggerAuthentication", "keda.sh/v1alpha1", "db", "env: []")),
    ("authentication secret", "Secret shop/login", custom(
        "TriggerAuthentication", "keda.sh/v1alpha1", "db",
        "secretTargetRef: [{parameter: password, name: login, key: password}]"), SECRET),
    ("route service", "Service shop/web", custom(
        "IngressRoute", "traefik.io/v1alpha1", "web", "routes: [{match: x, services: [{name: web, port: 80}]}]"), WEB),
    ("route port", "Service shop/web has no port 81; its ports: 80, http", WEB + custom(
        "IngressRoute", "traefik.io/v1alpha1", "web", "routes: [{match: x, services: [{name: web, port: 81}]}]"), ""),
    ("route middleware", "Middleware shop/limit", WEB + custom(
        "IngressRoute", "traefik.io/v1alpha1", "web",
        "routes: [{match: x, middlewares: [{name: limit}], services: [{name: web, port: http}]}]"),
     custom("Middleware", "traefik.io/v1alpha1", "limit", "rateLimit: {average: 1}")),
    ("route transport", "ServersTransport shop/slow", WEB + custom(
        "IngressRoute", "traefik.io/v1alpha1", "web",
        "routes: [{match: x, services: [{name: web, port: '80', serversTransport: slow}]}]"),
     custom("ServersTransport", "traefik.io/v1alpha1", "slow", "")),
    ("route options", "TLSOption shop/modern", custom(
        "IngressRoute", "traefik.io/v1alpha1", "web", "routes: [], tls: {options: {name: modern}}"),
     custom("TLSOption", "traefik.io/v1alpha1", "modern", "")),
    ("route certificate", "Secret shop/web-tls", custom(
        "IngressRoute", "traefik.io/v1alpha1", "web", "routes: [], tls: {secretName: web-tls}"),
     custom("Certificate", "cert-manager.io/v1", "web",
            "secretName: web-tls, issuerRef: {name: le, kind: ClusterIssuer}")
     + custom("ClusterIssuer", "cert-manager.io/v1", "le", "acme: {}", "")),
    ("chained middleware", "Middleware shop/limit", custom(
        "Middleware", "traefik.io/v1alpha1", "all", "chain: {middlewares: [{name: limit}]}"),
     custom("Middleware", "traefik.io/v1alpha1", "limit", "")),
    ("weighted service", "TraefikService shop/inner", custom(
        "TraefikService", "traefik.io/v1alpha1", "outer",
        "weighted: {services: [{name: inner, kind: TraefikService}]}"),
     custom("TraefikService", "traefik.io/v1alpha1", "inner", "")),
    ("issuer", "Issuer shop/le", custom(
        "Certificate", "cert-manager.io/v1", "web", "secretName: web-tls, issuerRef: {name: le}"),
     custom("Issuer", "cert-manager.io/v1", "le", "selfSigned: {}")),
    ("secret store", "ClusterSecretStore aws", custom(
        "ExternalSecret", "external-secrets.io/v1", "a", "secretStoreRef: {name: aws, kind: ClusterSecretStore}"),
     custom("ClusterSecretStore", "external-secrets.io/v1", "aws", "provider: {}", "")),
    ("store account", "ServiceAccount shop/reader", custom(
        "SecretStore", "external-secrets.io/v1", "aws",
        "provider: {aws: {auth: {jwt: {serviceAccountRef: {name: reader}}}}}"), simple("ServiceAccount", "reader")),
    ("node class", "EC2NodeClass default", custom(
        "NodePool", "karpenter.sh/v1", "web",
        "template: {spec: {nodeClassRef: {group: karpenter.k8s.aws, kind: EC2NodeClass, name: default}}}", ""),
     custom("EC2NodeClass", "karpenter.k8s.aws/v1", "default", "", "")),
    ("pod monitor", "declares port metrics", WEB + custom(
        "PodMonitor", "monitoring.coreos.com/v1", "web",
        "selector: {matchLabels: {app: web}}, podMetricsEndpoints: [{port: metrics}]"), ""),
    ("pooler", "Cluster shop/pg", custom(
        "Pooler", "postgresql.cnpg.io/v1", "pool", "cluster: {name: pg}, pgbouncer: {}"), CLUSTER),
    ("scheduled backup", "Cluster shop/pg", custom(
        "ScheduledBackup", "postgresql.cnpg.io/v1", "nightly", "cluster: {name: pg}, schedule: x"), CLUSTER),
    ("backup plugin", "plugin of the cluster shop/pg/other", CLUSTER + custom(
        "ScheduledBackup", "postgresql.cnpg.io/v1", "nightly",
        "cluster: {name: pg}, method: plugin, pluginConfiguration: {name: other}"), ""),
    ("object store", "ObjectStore shop/backups", custom(
        "Cluster", "postgresql.cnpg.io/v1", "pg", "instances: 3, plugins: [{name: barman-cloud.cloudnative-pg.io, "
        "parameters: {barmanObjectName: backups}}]"),
     custom("ObjectStore", "barmancloud.cnpg.io/v1", "backups", "configuration: {}")),
    ("database owner", "PostgreSQL role shop/pg/retailer", CLUSTER + custom(
        "Database", "postgresql.cnpg.io/v1", "db", "cluster: {name: pg}, name: odoo, owner: retailer"),
     custom("DatabaseRole", "postgresql.cnpg.io/v1", "r", "cluster: {name: pg}, name: retailer")),
    ("role password", "Secret shop/login", CLUSTER + custom(
        "DatabaseRole", "postgresql.cnpg.io/v1", "r",
        "cluster: {name: pg}, name: x, passwordSecret: {name: login}"),
     EXTERNAL.replace("data: [", "data: [{secretKey: username, remoteRef: {key: a}}, ")),
    ("recovery source", "old is none of spec.externalClusters", custom(
        "Cluster", "postgresql.cnpg.io/v1", "pg", "instances: 1, bootstrap: {recovery: {source: old}}"), ""),
    ("policy of pods", "have the labels app=wbe", WEB + simple(
        "NetworkPolicy", "p", version="networking.k8s.io/v1",
        rest="spec: {podSelector: {matchLabels: {app: wbe}}}"), ""),
    ("policy peer", "have the labels app=cache", WEB + simple(
        "NetworkPolicy", "p", version="networking.k8s.io/v1",
        rest="spec: {podSelector: {}, egress: [{to: [{podSelector: {matchLabels: {app: cache}}}]}]}"), ""),
    ("policy namespace", "Namespace ingres", WEB + simple(
        "NetworkPolicy", "p", version="networking.k8s.io/v1", rest="spec: {podSelector: {}, ingress: [{from: "
        "[{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingres}}}]}]}"), ""),
    ("quota", "PriorityClass critical", simple("ResourceQuota", "q", rest="spec: {scopeSelector: {matchExpressions: "
     "[{scopeName: PriorityClass, operator: In, values: [critical]}]}}"),
     simple("PriorityClass", "critical", "", "scheduling.k8s.io/v1")),
    ("name in a text", "Service shop/web", simple("ConfigMap", "c", rest="data: {u: 'http://web.shop.svc:80/x'}"), WEB),
    ("port in a text", "no port 81", WEB + simple(
        "ConfigMap", "c", rest="data: {u: 'http://web.shop.svc.cluster.local:81'}"), ""),
]  # fmt: skip


@pytest.mark.parametrize(("missing", "program", "rest"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_what_is_missing_is_found_and_what_is_there_is_not(
    prove_yaml: ProveYaml, missing: str, program: str, rest: str
) -> None:
    findings = prove_yaml(program).findings
    assert len(findings) == 1, findings
    assert missing in findings[0].message
    assert findings[0].severity is Severity.ERROR
    assert findings[0].path
    if rest:
        assert prove_yaml(program + rest).findings == []


@pytest.mark.parametrize(
    "program",
    [
        container("env: [{name: A, valueFrom: {secretKeyRef: {name: login, key: x, optional: true}}}]"),
        pod("volumes: [{name: a, configMap: {name: c, optional: true}}], serviceAccountName: default"),
        pod("priorityClassName: system-cluster-critical"),
        custom("IngressRoute", "traefik.io/v1alpha1", "d",
               "routes: [{match: x, services: [{name: api@internal, kind: TraefikService}]}]"),
        simple("NetworkPolicy", "deny", version="networking.k8s.io/v1",
               rest="spec: {podSelector: {}, egress: [{to: [{namespaceSelector: {matchLabels: "
               "{kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]}]}"),
        # Namespaces of other retailers may come later.
        simple("NetworkPolicy", "tenants", version="networking.k8s.io/v1", rest="spec: {podSelector: {}, ingress: "
               "[{from: [{namespaceSelector: {matchLabels: {retail/hosting: shared}}}]}]}"),
        simple("Service", "elsewhere", rest="spec: {type: ExternalName, externalName: x.example.org}"),
        custom("Certificate", "cert-manager.io/v1", "c",
               "secretName: t, issuerRef: {name: x, kind: AWSPCAIssuer, group: awspca.cert-manager.io}"),
        simple("ConfigMap", "words", rest="data: {a: 'read web.shop.service or *.web.shop.svc'}"),
    ],
)  # fmt: skip
def test_what_needs_nothing_of_the_program(prove_yaml: ProveYaml, program: str) -> None:
    assert prove_yaml(program).findings == []


DRILLED = """
apiVersion: v1
kind: ConfigMap
metadata: {name: drill, namespace: shop}
data: {cluster.json: '%s'}
"""
SCRATCH = (
    '{"apiVersion": "postgresql.cnpg.io/v1", "kind": "Cluster",'
    ' "metadata": {"name": "scratch", "namespace": "shop"}, "spec": {"instances": 1}}'
)


def test_a_manifest_in_a_config_map_promises_what_it_says(prove_yaml: ProveYaml) -> None:
    """A restore drill creates its cluster out of one; policies may mean its pods, and Roles its Secrets."""
    policy = simple(
        "NetworkPolicy",
        "p",
        version="networking.k8s.io/v1",
        rest="spec: {podSelector: {matchLabels: {cnpg.io/cluster: scratch}}}",
    )
    assert prove_yaml(policy + "---" + DRILLED % SCRATCH).findings == []
    for other in ("{}", "no JSON", SCRATCH.replace("scratch", "another")):
        assert len(prove_yaml(policy + "---" + DRILLED % other).findings) == 1, other


def test_a_cluster_promises_what_the_operator_makes(prove_yaml: ProveYaml) -> None:
    poolers = custom("Pooler", "postgresql.cnpg.io/v1", "pool", "cluster: {name: pg}, pgbouncer: {}")
    policy = simple(
        "NetworkPolicy", "p", version="networking.k8s.io/v1",
        rest="spec: {podSelector: {matchLabels: {cnpg.io/cluster: pg, cnpg.io/podRole: instance}}, ingress: [{from: ["
        "{podSelector: {matchLabels: {cnpg.io/poolerName: pool}}}, "
        "{podSelector: {matchLabels: {cnpg.io/jobRole: join}}}]}]}",
    )  # fmt: skip
    endpoints = "selector: {matchLabels: {cnpg.io/cluster: pg}}, podMetricsEndpoints: [{port: metrics}]"
    monitor = custom("PodMonitor", "monitoring.coreos.com/v1", "pg", endpoints)
    env = "env: [{name: A, valueFrom: {secretKeyRef: {name: pg-app, key: password}}}]"
    proof = prove_yaml(CLUSTER + poolers + policy + container(f"{env}, args: [pool.shop.svc:5432, pg-rw.shop.svc]"))
    assert proof.findings == []
    assert proof.proven >= 8
    # Job pods (initdb, join) match the cluster label, and have no metrics port: worth a look, no error.
    assert [finding.severity for finding in prove_yaml(CLUSTER + monitor).findings] == [Severity.WARNING]


@pytest.mark.parametrize(
    ("spec", "name", "kept"),
    [
        ("", "pg-app", True),
        ("bootstrap: {initdb: {owner: odoo, secret: {name: login}}}", "pg-app", False),
        ("bootstrap: {recovery: {backup: {name: b}}}", "pg-app", False),
        ("", "pg-superuser", False),
        ("enableSuperuserAccess: true", "pg-superuser", True),
        ("certificates: {serverTLSSecret: mine}", "pg-server", False),
        ("", "pg-ca", True),
    ],
)
def test_secrets_of_a_cluster_depend_on_its_spec(prove_yaml: ProveYaml, spec: str, name: str, kept: bool) -> None:
    cluster = custom("Cluster", "postgresql.cnpg.io/v1", "pg", f"instances: 1{', ' if spec else ''}{spec}")
    found = prove_yaml(cluster + pod(f"imagePullSecrets: [{{name: {name}}}]")).findings
    assert any(f"Secret shop/{name} " in finding.message for finding in found) is not kept


def test_disabled_services_are_no_promise(prove_yaml: ProveYaml) -> None:
    cluster = custom("Cluster", "postgresql.cnpg.io/v1", "pg",
                     "instances: 1, managed: {services: {disabledDefaultServices: [ro]}}")  # fmt: skip
    (finding,) = prove_yaml(cluster + container("args: [pg-ro.shop.svc, pg-rw.shop.svc]")).findings
    assert "Service shop/pg-ro" in finding.message


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        ("name: other", "password"),
        ("name: other, template: {data: {odoo.conf: x}}", "odoo.conf"),
        ("name: other, template: {mergePolicy: Merge, data: {odoo.conf: x}}", "odoo.conf, password"),
    ],
)
def test_keys_of_an_external_secret(prove_yaml: ProveYaml, target: str, keys: str) -> None:
    program = EXTERNAL.replace("data: [{secretKey", f"target: {{{target}}}, data: [{{secretKey")
    program += container("env: [{name: A, valueFrom: {secretKeyRef: {name: other, key: nothing}}}]")
    (finding,) = prove_yaml(program).findings
    assert finding.message.endswith(f"has no key nothing; its keys: {keys}")
    assert "made by ExternalSecret login" in finding.message


def test_keys_from_outside_are_not_known(prove_yaml: ProveYaml) -> None:
    program = EXTERNAL.replace("data: [", "dataFrom: [{extract: {key: a}}], data: [")
    assert prove_yaml(program + container(NO_ENV.replace("password", "whatever"))).findings == []


def test_a_selector_that_misses_its_own_pods(prove_yaml: ProveYaml) -> None:
    (finding,) = prove_yaml(pod("containers: []").replace("labels: {app: web}", "labels: {app: wbe}")).findings
    assert "does not fit the labels of its own pod template" in finding.message


def test_a_spread_constraint_that_misses_its_own_pods(prove_yaml: ProveYaml) -> None:
    constraint = "topologySpreadConstraints: [{labelSelector: {matchLabels: {app: other}}}]"
    (finding,) = prove_yaml(pod(constraint)).findings
    assert finding.path == "spec.template.spec.topologySpreadConstraints[0].labelSelector"


def test_some_pods_without_the_port_are_a_warning(prove_yaml: ProveYaml) -> None:
    second = pod("containers: [{name: a}]").replace("name: web", "name: worker")
    (finding,) = prove_yaml(WEB + second).findings
    assert finding.severity is Severity.WARNING
    assert "Deployment worker" in finding.message


def test_a_declaration_in_two_places(prove_yaml: ProveYaml) -> None:
    (finding,) = prove_yaml(CONFIG + CONFIG).findings
    assert "is declared twice" in finding.message


def test_the_platform_stack_may_be_referred_to(prove_yaml: ProveYaml) -> None:
    platform = simple("Namespace", "databases", "") + CLUSTER.replace("namespace: shop", "namespace: databases")
    program = custom(
        "Database", "postgresql.cnpg.io/v1", "db", "cluster: {name: pg}, name: odoo, owner: app", "databases"
    )
    assert prove_yaml(program, platform=platform).findings == []
    assert len(prove_yaml(program, platform=CONFIG).findings) == 3  # namespace, cluster and role


def test_what_charts_install_is_taken_on_trust(prove_yaml: ProveYaml) -> None:
    release = ("kubernetes:helm.sh/v3:Release", "keda", {"namespace": "keda", "name": "keda", "createNamespace": True})
    subjects = "subjects: [{kind: ServiceAccount, name: keda-operator, namespace: keda}]"
    rest = f"roleRef: {{kind: ClusterRole, name: view}}\n{subjects}"
    program = simple("RoleBinding", "b", version="rbac.authorization.k8s.io/v1", rest=rest)
    assert len(prove_yaml(program).findings) == 1
    proof = prove_yaml(program, release)
    assert (proof.findings, proof.trusted) == ([], 1)


def test_a_release_needs_its_namespace(prove_yaml: ProveYaml) -> None:
    release: tuple[str, str, dict[str, Any]] = ("kubernetes:helm.sh/v3:Release", "keda", {"namespace": "keda"})
    (finding,) = prove_yaml("", release).findings
    assert finding.where.kind == "Release"
    assert "Namespace keda" in finding.message
    assert prove_yaml(simple("Namespace", "keda", ""), release).findings == []
    assert prove_yaml("", (*release[:2], {"namespace": "keda", "createNamespace": True})).findings == []


def test_pod_identities_name_service_accounts(prove_yaml: ProveYaml) -> None:
    identity: tuple[str, str, dict[str, Any]] = (
        "aws:eks/podIdentityAssociation:PodIdentityAssociation", "odoo", {"namespace": "shop", "serviceAccount": "odoo"}
    )  # fmt: skip
    (finding,) = prove_yaml("", identity).findings
    assert "ServiceAccount shop/odoo" in finding.message
    assert finding.where.kind == "PodIdentityAssociation"
    assert prove_yaml(simple("ServiceAccount", "odoo"), identity).findings == []


@pytest.mark.parametrize(
    ("program", "hint"),
    [
        (CONFIG + container("envFrom: [{configMapRef: {name: cnof}}]"), "did you mean conf?"),
        (simple("Namespace", "till", "") + CONFIG.replace("shop", "till")
         + container("envFrom: [{configMapRef: {name: conf}}]"), "there is one in namespace till"),
        (WEB + simple("PodDisruptionBudget", "web", version="policy/v1",
         rest="spec: {selector: {matchLabels: {app: web, retail/tier: pos}}}"), "with retail/tier=storefront"),
    ],
)  # fmt: skip
def test_findings_say_what_is_near(prove_yaml: ProveYaml, program: str, hint: str) -> None:
    (finding,) = prove_yaml(program).findings
    assert hint in finding.fix
