"""Traefik's CRDs, for the edges that the program declares itself."""

from typing import Any

from components.operators.operator import Chart
from retail.versions import TRAEFIK_CHART

CHART = Chart("traefik", TRAEFIK_CHART, "https://traefik.github.io/charts")


def values() -> dict[str, Any]:
    """Everything of the chart off but its CRDs.

    Why this chart: `traefik-crds` was retired in May 2026 and lacks a field of 3.7.13. Why not the CRD file of the tag:
    the engine would fetch it in every preview, and deleting it would delete every route. Helm installs CRDs once and
    neither upgrades nor deletes them: with a new Traefik, apply the chart's `crds/` folder first.
    """
    return {
        "deployment": {"enabled": False},
        "service": {"enabled": False},
        "rbac": {"enabled": False},
        "ingressClass": {"enabled": False},
        "providers": {"kubernetesCRD": {"enabled": False}, "kubernetesIngress": {"enabled": False}},
    }
