"""That what an operator brought is not taken along when its chart goes."""

from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.config import Config
from guardrails.kubernetes.charts import chart_of
from guardrails.resource import Resource
from guardrails.rule import Protects, Severity, Violation, resource_rule

POLICY: Final = "helm.sh/resource-policy"

ANNOTATIONS: Final = {
    "keda": ("crds.additionalAnnotations", "additionalAnnotations"),
    "external-secrets": ("crds.annotations",),
    "karpenter-crd": ("additionalAnnotations",),
    "prometheus-operator-crds": ("crds.annotations",),
}
"""Charts whose CRDs are among their templates and go with them, and where each takes annotations for them (values.yaml
of keda 2.21, external-secrets 1.3, karpenter-crd 1.14, prometheus-operator-crds 23).

Not here, for their CRDs stay whatever the values say: cloudnative-pg and plugin-barman-cloud write the annotation
themselves, and what is in a chart's own `crds/` folder (Traefik, the load balancer controller) Helm never deletes."""


@resource_rule(
    "bk-18",
    of=kinds.HELM_RELEASE,
    severity=Severity.CRITICAL,
    says="The CRDs of an operator stay when its chart goes.",
    why="With a CRD Kubernetes deletes every object of its kind, in all namespaces: all retailers' copied Secrets, "
    "certificates, scalers, node pools with the nodes in them. Helm deletes what a chart brought, in a rollback of its "
    "first installation as well, unless it is told to keep it.",
    fix="helm.sh/resource-policy: keep among the annotations that the chart gives its CRDs; crds.keep: true for "
    "cert-manager",
    scenario="An operator is taken out for a clean installation at night, and no shop notices.",
    protects=Protects.DATA,
)
def crds_stay(release: Resource, _: Config) -> Iterable[Violation]:
    chart = chart_of(release)
    # cert-manager has a switch, which is on unless told otherwise.
    if chart == "cert-manager" and not release.flag("values.crds.keep", True):
        yield Violation(release, f"crds.keep is off: its CRDs go with {chart}")
    places = ANNOTATIONS.get(chart, ())
    if places and not any(release.texts(f"values.{place}").get(POLICY) == "keep" for place in places):
        yield Violation(release, f"{places[0]} lacks {POLICY}: keep, so its CRDs go with {chart}")
