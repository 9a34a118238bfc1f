"""The provider functions (invokes) that the program may call, and what AWS would answer."""

import json
import zlib
from collections.abc import Callable
from typing import Any, Final

from rehearsal.engine.aws_outputs.facts import Account, zone_id, zones
from rehearsal.engine.policy_document import policy_document

Invoke = Callable[[dict[str, Any], Account], dict[str, Any]]


def _caller_identity(_arguments: dict[str, Any], account: Account) -> dict[str, Any]:
    return {
        "accountId": account.id,
        "arn": f"arn:{account.partition}:sts::{account.id}:assumed-role/rehearsal/rehearsal",
        "id": account.id,
        "userId": "AROAREHEARSAL0000000:rehearsal",
    }


def _region(arguments: dict[str, Any], account: Account) -> dict[str, Any]:
    name = arguments.get("region") or account.region
    endpoint = f"ec2.{name}.{account.dns_suffix}"
    return {"id": name, "name": name, "region": name, "endpoint": endpoint, "description": name}


def _partition(_arguments: dict[str, Any], account: Account) -> dict[str, Any]:
    return {
        "id": account.partition,
        "partition": account.partition,
        "dnsSuffix": account.dns_suffix,
        "reverseDnsPrefix": ".".join(reversed(account.dns_suffix.split("."))),
    }


def _availability_zones(arguments: dict[str, Any], account: Account) -> dict[str, Any]:
    region = arguments.get("region") or account.region
    hidden = set(arguments.get("excludeNames") or ())
    names = [zone for zone in zones(region) if zone not in hidden]
    names = [zone for zone in names if zone_id(zone) not in set(arguments.get("excludeZoneIds") or ())]
    return {
        **arguments,
        "id": region,
        "region": region,
        "names": names,
        "zoneIds": [zone_id(name) for name in names],
        "groupNames": [region] if names else [],
    }


def _policy_document(arguments: dict[str, Any], _account: Account) -> dict[str, Any]:
    document = policy_document(arguments)
    rendered = _as_go(json.dumps(document, indent=2, ensure_ascii=False))
    minified = _as_go(json.dumps(document, separators=(",", ":"), ensure_ascii=False))
    identifier = str(zlib.crc32(rendered.encode()))
    return {
        **arguments,
        "id": identifier,
        "json": rendered,
        "minifiedJson": minified,
        "version": document["Version"],
    }


def _as_go(text: str) -> str:
    """Go's encoder escapes what could close a script element."""
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


INVOKES: Final[dict[str, Invoke]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
}
"""By token. The arguments and results have the provider's property names."""
