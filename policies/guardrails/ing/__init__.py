"""Rules on ingress: who may come in, which way, how much of it, and how an edge leaves without losing a request."""

from guardrails.ing import clients, drain, edge, exposure, hosts, limits, routes, tls

__all__ = ["clients", "drain", "edge", "exposure", "hosts", "limits", "routes", "tls"]
