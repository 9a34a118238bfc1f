"""Which provider answers for a resource, with which configuration."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from rehearsal.engine.aws_outputs.facts import Account
from rehearsal.engine.aws_outputs.table import aws_outputs
from rehearsal.engine.computed import Computed, NotCoveredError
from rehearsal.engine.kubernetes_outputs import kubernetes_outputs
from rehearsal.engine.model import UNKNOWN, Resource, contains, reveal
from rehearsal.engine.random_outputs import random_outputs
from rehearsal.engine.urns import PROVIDER_TYPE
from rehearsal.errors import UserError

DOCUMENTATION_ACCOUNT: Final = "123456789012"
"""The account id of AWS's own examples, for a provider that neither assumes a role nor names an allowed account."""


class Providers:
    """Answers for all providers of one evaluation.

    `resources` is the live map of the evaluation, `config` its configuration, `previous` the outputs of the last run by
    URN.
    """

    def __init__(
        self, resources: Mapping[str, Resource], config: Mapping[str, str], previous: Mapping[str, Mapping[str, Any]]
    ) -> None:
        self._resources = resources
        self._config = config
        self._previous = previous
        self._by_id: dict[str, Resource] = {}

    def compute(self, resource: Resource) -> Computed:
        """What the provider of `resource` would answer. Raises NotCoveredError for a type that nothing answers for."""
        package = resource.type.partition(":")[0]
        if resource.type.startswith(PROVIDER_TYPE):
            return Computed(str(uuid.UUID(hashlib.sha256(resource.urn.encode()).hexdigest()[:32], version=4)), {})
        if package == "kubernetes":
            return kubernetes_outputs(resource)
        if package == "random":
            return random_outputs(resource, self._previous.get(resource.urn))
        if package == "aws":
            computed = aws_outputs(resource, self.account(resource.provider), self._by_id.get)
            self._by_id[computed.id] = resource
            return computed
        raise NotCoveredError(resource.type)

    def configured(self, provider: str) -> bool:
        """Whether the configuration of the provider with this URN is known; a default provider's always is."""
        return provider not in self._resources or not contains(
            self._resources[provider].inputs, lambda value: value is UNKNOWN
        )

    def account(self, provider: str) -> Account:
        """Where the aws provider with this URN works: its region, and the account of its role or that it allows.

        Raises UserError if it says no region, as the provider does.
        """
        resource = self._resources.get(provider)
        inputs = {key: _decoded(value) for key, value in reveal(resource.inputs).items()} if resource else {}
        region = inputs.get("region") or self._config.get("aws:region")
        if not isinstance(region, str):
            where = f"The aws provider '{resource.name}'" if resource else "The default aws provider"
            raise UserError(f"{where} has no region: give it one.")
        tags = inputs.get("defaultTags") or {}
        return Account(_account_id(inputs), region, tags.get("tags") or {} if isinstance(tags, dict) else {})


def _account_id(inputs: dict[str, Any]) -> str:
    for role in reversed(inputs.get("assumeRoles") or []):
        parts = str(role.get("roleArn") or "").split(":")
        if len(parts) > 4:
            return parts[4]
    allowed = inputs.get("allowedAccountIds") or []
    return str(allowed[0]) if allowed else DOCUMENTATION_ACCOUNT


def _decoded(value: Any) -> Any:
    """The inputs of a provider arrive as text, lists and mappings among them as JSON."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value
