"""What AWS runs beside the cluster, as parts of a picture: managed services, and buckets with their copies."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rehearsal.report.picture.graph import Graph, showable
from rehearsal.report.picture.parts import Bucket, Database, Service, Tier, count


def read_services(graph: Graph, tiers: Sequence[Tier]) -> Iterator[Service]:
    """The stack's own services; buckets stand apart."""
    for resource, borrowed in graph.resources("aws:elasticache/replicationGroup:ReplicationGroup"):
        if borrowed:
            continue
        inputs = showable(resource.inputs)
        traits = {"multiAzEnabled": "Multi-AZ", "transitEncryptionEnabled": "TLS"}
        nodes = f"{inputs.get('numCacheClusters')} x {inputs.get('nodeType')}"
        served = sum(bool(tier.sessions) for tier in tiers)
        yield Service(
            f"ElastiCache {inputs.get('engine')} {inputs.get('engineVersion') or ''}".rstrip(),
            (
                f"sessions of {count(served, 'tier')}",
                nodes,
                ", ".join(words for key, words in traits.items() if inputs.get(key)),
            ),
        )
    secrets = sum(not borrowed for _, borrowed in graph.resources("aws:secretsmanager/secret:Secret"))
    if secrets:
        copies = sum(1 for _ in graph.objects("external-secrets.io/ExternalSecret", own=True))
        yield Service("Secrets Manager", (count(secrets, "secret"), f"read by {count(copies, 'ExternalSecret')}"))


def read_buckets(graph: Graph, tiers: Sequence[Tier], databases: Sequence[Database]) -> Iterator[Bucket]:
    """Buckets with their copies, what tiers fill before what databases do; of another stack's only what holds something
    of this one: its backups."""
    kept_in = [tier.attachments for tier in tiers if tier.attachments]
    content = {name: ("filestore", f"attachments of {count(kept_in.count(name), 'tier')}") for name in kept_in}
    content |= {each.backups: ("backups", each.schedule) for each in databases if each.backups}
    found = {
        str(resource.inputs.get("bucket")): (resource, borrowed)
        for resource, borrowed in graph.resources("aws:s3/bucket:Bucket")
    }
    guards = _guards(graph)
    copies = _copies(graph)
    targets = {target for target, _ in copies.values()}
    for name in sorted(found, key=lambda name: (content.get(name, ("", ""))[0] == "backups", name)):
        resource, borrowed = found[name]
        if name in targets or (borrowed and name not in content):
            continue
        purpose, holds = content.get(name, ("bucket", ""))
        target, delay = copies.get(name, ("", ""))
        copy = None
        if target in found:
            provider = found[target][0].provider
            copy = Bucket(f"{purpose}, copy", _place(graph, provider), "", guards.get(target, ""), None, "", borrowed)
        yield Bucket(
            purpose, _place(graph, resource.provider), holds, guards.get(name, ""), copy, delay, borrowed, name
        )


def _guards(graph: Graph) -> dict[str, str]:
    """How each bucket keeps what is in it."""
    guards = {}
    for versioning, _ in graph.resources("aws:s3/bucketVersioning:BucketVersioning"):
        guards[str(versioning.inputs.get("bucket"))] = "versioned"
    for lock, _ in graph.resources("aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"):
        inputs: Mapping[str, Any] = showable(lock.inputs)
        days = ((inputs.get("rule") or {}).get("defaultRetention") or {}).get("days")
        guards[str(inputs.get("bucket"))] = f"versioned, locked {days} days" if days else "versioned, locked"
    return guards


def _copies(graph: Graph) -> dict[str, tuple[str, str]]:
    """Where each bucket is replicated to, and how fast."""
    copies = {}
    for replication, _ in graph.resources("aws:s3/bucketReplicationConfig:BucketReplicationConfig"):
        inputs = showable(replication.inputs)
        for rule in inputs.get("rules") or ():
            target = rule["destination"]
            minutes = ((target.get("replicationTime") or {}).get("time") or {}).get("minutes")
            delay = f"within {minutes} min" if minutes else ""
            copies[str(inputs["bucket"])] = str(target["bucket"]).rpartition(":")[2], delay
    return copies


def _place(graph: Graph, provider: str) -> str:
    """Region and account of the provider that a resource is made with."""
    for resource, _ in graph.resources("pulumi:providers:aws"):
        if resource.urn == provider:
            inputs = showable(resource.inputs)
            accounts = re.findall(r"\d{12}", str(inputs.get("allowedAccountIds")))
            return " · ".join(filter(None, [str(inputs.get("region") or ""), *accounts[:1]]))
    return ""
