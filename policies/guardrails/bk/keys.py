"""That what backups are read with is there when they are: keys and passwords, in the other region as well."""

from collections.abc import Iterable
from typing import Final

from guardrails import kinds
from guardrails.aws.providers import provider_of, workload_provider
from guardrails.config import Config
from guardrails.graph import Graph
from guardrails.resource import Resource, family
from guardrails.rule import Severity, Violation, resource_rule, stack_rule

DELETION_DAYS: Final = 30
"""The longest that KMS and Secrets Manager wait between a deletion and the end; it is the default of both."""

KEY_INPUTS: Final = {
    family(kinds.BUCKET_ENCRYPTION): "rules",
    family(kinds.SECRETS_MANAGER_SECRET): "kmsKeyId",
    family(kinds.STORAGE_CLASS): "parameters",
}
"""The input that names the key, by what is under it."""

LEAST_DAYS: Final = 7
"""The shortest wait for a secret in which somebody notices."""


@stack_rule(
    "bk-12",
    of=(kinds.BUCKET_ENCRYPTION, kinds.SECRETS_MANAGER_SECRET, kinds.STORAGE_CLASS),
    severity=Severity.HIGH,
    says="The key of all that is stored is multi-region, in the other region as well, and 30 days from its end.",
    why="Data is only as safe as its key: without it, every copy is noise. A key can't be made multi-region later, and "
    "one that is scheduled for deletion can be saved only until its window ends.",
    fix="multiRegion: true, deletionWindowInDays: 30, a ReplicaKey in the recovery region (one that lives "
    "there needs none)",
    scenario="The home region is lost; the secrets that the restored database asks for can be read in the other.",
    implies=("bk-04", "bk-06", "bk-15", "ops-02", "iso-11", "sec-06"),
)
def keys_elsewhere(user: Resource, graph: Graph) -> Iterable[Violation]:
    if user.family == family(kinds.STORAGE_CLASS) and not user.has("parameters.kmsKeyId"):
        return  # the cluster's own class, for what may be lost
    keys = graph.sources(user, KEY_INPUTS[user.family], kinds.KMS_KEY)
    if not keys:
        yield Violation(user, "its key is none of this stack's: nobody knows whether the other region has it")
    for key in keys:
        if not key.flag("multiRegion", False):
            yield Violation(key, "it is not multi-region")
        if (days := key.number("deletionWindowInDays", DELETION_DAYS)) < DELETION_DAYS:
            yield Violation(key, f"its deletion window is {days} days, not {DELETION_DAYS}")
        if not key.flag("isEnabled", True):
            yield Violation(key, "it is disabled")
        yield from _replica(key, graph)


def _replica(key: Resource, graph: Graph) -> Iterable[Violation]:
    regions = graph.contract.given.words("regions")
    home = key.text("region", "") or provider_of(key, graph).text("region")
    if home != workload_provider(graph).text("region"):
        return  # it lives in the other region already
    replicas = graph.users(key, "primaryKeyArn", kinds.KMS_REPLICA_KEY)
    there = [each.text("region", "") or provider_of(each, graph).text("region") for each in replicas]
    if not [region for region in there if region != home]:
        yield Violation(key, f"no replica of it outside of {home} (the contract has {', '.join(regions)})")
    for replica in replicas:
        if (days := replica.number("deletionWindowInDays", DELETION_DAYS)) < DELETION_DAYS:
            yield Violation(replica, f"its deletion window is {days} days, not {DELETION_DAYS}")
        if not replica.flag("enabled", True):
            yield Violation(replica, "it is disabled")


@resource_rule(
    "bk-15",
    of=kinds.SECRETS_MANAGER_SECRET,
    severity=Severity.MEDIUM,
    says="Every secret has a replica in another region, and can be had back for a week after its deletion.",
    why="Backups hold no Kubernetes Secrets, and a restored database asks for its passwords. Secrets Manager, which "
    "External Secrets copies from, is their backup; configuration is in the program itself.",
    fix="replicas with the recovery region and its key; recoveryWindowInDays of 7 or more",
    scenario="In the other region the tenant's namespace is declared anew and every pod finds its password.",
    implies=("bk-12", "ops-02", "iso-11", "sec-02"),
)
def secrets_elsewhere(secret: Resource, _: Config) -> Iterable[Violation]:
    regions = [each.text("region") for each in secret.items("replicas")]
    if not regions:
        yield Violation(secret, "it is in one region only")
    if (days := secret.number("recoveryWindowInDays", DELETION_DAYS)) < LEAST_DAYS:
        told = "at once" if days == 0 else f"after {days:g} days"
        yield Violation(secret, f"once deleted it is gone {told}")
