"""The session store: who reads it is logged in as everybody."""

from collections.abc import Iterable

from guardrails import kinds
from guardrails.config import Config
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, resource_rule


@resource_rule(
    "sec-14",
    of=kinds.ELASTICACHE_GROUP,
    severity=Severity.CRITICAL,
    says="The session store asks for a password, under TLS alone, is encrypted by the retailer's key, and is behind "
    "security groups of its own.",
    why="A session is a login: who can read the store, its copies or the line to it is every customer and every till "
    "at once. Without a security group that is named, it has the network's own.",
    fix="transitEncryptionEnabled with mode required, authToken, atRestEncryptionEnabled with kmsKeyId, "
    "securityGroupIds",
    scenario="A pod of another team finds the store's address on a busy Saturday, and nothing else.",
    implies=("az-04", "iso-08", "sec-02"),
)
def closed(group: Resource, _: Config) -> Iterable[Violation]:
    if not group.flag("transitEncryptionEnabled", False):
        yield Violation(group, "takes passwords and sessions without TLS")
    elif (mode := group.text("transitEncryptionMode", "required")) != "required":
        yield Violation(group, f"transitEncryptionMode is {mode}: it takes what comes without TLS as well")
    if not group.has("authToken") and not group.items("userGroupIds"):
        yield Violation(group, "asks for no password")
    elif group.at("authToken").raw == "":
        yield Violation(group, "its password is empty")
    if not group.flag("atRestEncryptionEnabled", False):
        yield Violation(group, "is not encrypted at rest")
    elif not group.has("kmsKeyId"):
        yield Violation(group, "is encrypted with AWS's own key, not the retailer's")
    if not group.items("securityGroupIds"):
        yield Violation(group, "names no security group: it has the network's own")
