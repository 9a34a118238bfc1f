import copy
import itertools
import json
from collections.abc import Callable
from io import StringIO
from typing import Any

import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from rehearsal.check.finding import Severity
from rehearsal.check.run import check, render, to_data
from rehearsal.check.schemas import Schemas
from rehearsal.engine.model import UNKNOWN, Evaluation, Secret

Manifest = dict[str, Any]
MakeEvaluation = Callable[..., Evaluation]

PROGRAM: list[Manifest] = list(
    yaml.safe_load_all("""
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: odoo
        image: odoo
        ports: [{name: http, containerPort: 8069}]
        env: [{name: PASSWORD, valueFrom: {secretKeyRef: {name: pg-app, key: password}}}]
        volumeMounts: [{name: conf, mountPath: /etc/odoo}]
        livenessProbe: {httpGet: {path: /, port: http}}
      volumes: [{name: conf, configMap: {name: conf, items: [{key: odoo.conf, path: odoo.conf}]}}]
      topologySpreadConstraints:
      - {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: web}}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: conf, namespace: shop}
data: {odoo.conf: 'db_host = pool.shop.svc'}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  egress: [{to: [{podSelector: {matchExpressions: [{key: cnpg.io/poolerName, operator: In, values: [pool]}]}}]}]
---
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: web, namespace: shop}
spec:
  routes: [{match: Host(`a`), kind: Rule, services: [{name: web, port: http}], middlewares: [{name: limit}]}]
  tls: {secretName: web-tls}
---
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: limit, namespace: shop}
spec: {rateLimit: {average: 100}}
---
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web, namespace: shop}
spec: {secretName: web-tls, dnsNames: [a], issuerRef: {name: le, kind: ClusterIssuer}}
---
apiVersion: cert-manager.io/v1
kind: ClusterIssuer
metadata: {name: le}
spec: {selfSigned: {}}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata: {name: web, namespace: shop}
spec: {scaleTargetRef: {name: web}, triggers: [{type: cron, metadata: {timezone: UTC}}]}
---
apiVersion: external-secrets.io/v1
kind: ClusterSecretStore
metadata: {name: aws}
spec: {provider: {aws: {service: SecretsManager, region: eu-central-1}}}
---
apiVersion: external-secrets.io/v1
kind: ExternalSecret
metadata: {name: login, namespace: shop}
spec:
  secretStoreRef: {name: aws, kind: ClusterSecretStore}
  data: [{secretKey: username, remoteRef: {key: a}}, {secretKey: password, remoteRef: {key: a}}]
---
apiVersion: postgresql.cnpg.io/v1
kind: Cluster
metadata: {name: pg, namespace: shop}
spec: {instances: 3, storage: {size: 10Gi}, plugins: [{name: barman-cloud.cloudnative-pg.io}]}
---
apiVersion: postgresql.cnpg.io/v1
kind: DatabaseRole
metadata: {name: retailer, namespace: shop}
spec: {cluster: {name: pg}, name: retailer, passwordSecret: {name: login}}
---
apiVersion: postgresql.cnpg.io/v1
kind: Pooler
metadata: {name: pool, namespace: shop}
spec: {cluster: {name: pg}, instances: 2, pgbouncer: {poolMode: transaction}}
---
apiVersion: postgresql.cnpg.io/v1
kind: ScheduledBackup
metadata: {name: nightly, namespace: shop}
spec:
  cluster: {name: pg}
  schedule: 0 0 2 * * *
  method: plugin
  pluginConfiguration: {name: barman-cloud.cloudnative-pg.io}
""")
)
BROKEN: list[Manifest] = [
    *PROGRAM,
    {"apiVersion": "example.org/v1", "kind": "Robot", "metadata": {"name": "r", "namespace": "shop"}},
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "S"}, "data": Secret({"key": "canary-4711!"})},
]


def test_a_right_program_has_no_findings_and_is_counted(evaluation_of: MakeEvaluation, schemas: Schemas) -> None:
    report = check(evaluation_of(PROGRAM), schemas=schemas)
    assert report.findings == []
    assert report.ok
    assert (report.builtin.total(), report.custom.total()) == (5, 11)
    assert report.references_proven >= 30
    assert report.references_unknown == 0


def test_a_kind_nobody_knows_is_a_finding_as_is_a_bad_object(evaluation_of: MakeEvaluation, schemas: Schemas) -> None:
    report = check(evaluation_of(BROKEN), schemas=schemas)
    assert not report.ok
    found = {(finding.where.kind, finding.path) for finding in report.findings}
    assert found == {("Robot", "apiVersion"), ("Secret", "data.key"), ("Secret", "metadata.name")}


def test_objects_of_referenced_stacks_are_not_checked_again(evaluation_of: MakeEvaluation, schemas: Schemas) -> None:
    platform = evaluation_of(BROKEN)
    hosted = evaluation_of(PROGRAM[:0], references={"o/p/platform": platform})
    assert check(hosted, schemas=schemas).findings == []


def rendered(evaluation: Evaluation, schemas: Schemas) -> str:
    console = Console(file=StringIO(), width=120)
    report = check(evaluation, schemas=schemas)
    render(report, console)
    return json.dumps(to_data(report)) + str(console.file.getvalue())  # type: ignore[attr-defined]  # it is the StringIO above


def test_both_forms_of_the_report_name_everything_but_secrets(evaluation_of: MakeEvaluation, schemas: Schemas) -> None:
    text = rendered(evaluation_of(BROKEN), schemas)
    for words in ("Robot shop/r", "Secret S", "[secret] is given", "references proven"):
        assert words in text
    assert "canary" not in text


def test_the_json_form(evaluation_of: MakeEvaluation, schemas: Schemas) -> None:
    document = json.loads(json.dumps(to_data(check(evaluation_of(BROKEN), schemas=schemas))))
    assert document["ok"] is False
    assert document["findings"][0]["severity"] == Severity.ERROR
    assert document["findings"][0]["where"]["kind"] == "Robot"
    assert document["custom"]["IngressRoute"] == 1


Step = tuple[str | int, ...]


def places(value: Any, path: Step = ()) -> list[Step]:
    """Every place below kind and name; those two say which object it is."""
    found: list[Step] = [path] if path and path[0] != "apiVersion" and path != ("kind",) and len(path) > 1 else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if (*path, key) not in {("metadata", "name"), ("metadata", "namespace")}:
            found += places(item, (*path, key))
    return found


ALL_PLACES = [(number, path) for number, manifest in enumerate(PROGRAM) for path in places(manifest)]


def put(value: Any, number: int, path: Step) -> list[Manifest]:
    manifests = copy.deepcopy(PROGRAM)
    place: Any = manifests[number]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return manifests


def test_whatever_is_unknown_is_never_wrong(evaluation_of: MakeEvaluation, schemas: Schemas) -> None:
    """In a preview any value may be unknown, and so may be what others refer to."""
    for number, path in ALL_PLACES:
        assert check(evaluation_of(put(UNKNOWN, number, path)), schemas=schemas).findings == [], path


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.sampled_from(ALL_PLACES),
    junk=st.sampled_from([None, 0, -1, "", "x y", [], {}, [[]], [None], {"a": None}, [{"name": 5}], True, 1.5]),
)
def test_no_manifest_is_too_wrong_to_be_checked(
    evaluation_of: MakeEvaluation, schemas: Schemas, place: tuple[int, Step], junk: Any
) -> None:
    report = check(evaluation_of(put(junk, *place)), schemas=schemas)
    assert json.dumps(to_data(report))


def test_a_secret_shows_nowhere_wherever_it_is(evaluation_of: MakeEvaluation, schemas: Schemas) -> None:
    canaries: list[Any] = ["canary-4711", {"a": "canary-4711"}, ["canary-4711"]]
    for (number, path), value in zip(ALL_PLACES, itertools.cycle(canaries), strict=False):
        report = check(evaluation_of(put(Secret(value), number, path)), schemas=schemas)
        assert "canary" not in json.dumps(to_data(report))
