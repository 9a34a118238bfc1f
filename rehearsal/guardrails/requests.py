"""An evaluation's resources as the engine hands them to a policy pack.

The engine shows each resource with its inputs, and the stack with its outputs. Resources passed as values arrive as
their ids (pulumi/pulumi, sdk/go/common/resource/plugin/analyzer_plugin.go marshals without KeepResources), secrets
under their mark, what is not known yet as the protocol's text for it.
"""

from collections.abc import Mapping
from typing import Any

from pulumi.runtime.proto import analyzer_pb2

from rehearsal.engine import wire
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource, ResourceReference, Secret


def analyze_request(resource: Resource, evaluation: Evaluation) -> analyzer_pb2.AnalyzeRequest:
    """For Remediate and Analyze: one resource and its inputs."""
    return analyzer_pb2.AnalyzeRequest(
        type=resource.type,
        urn=resource.urn,
        name=resource.name,
        properties=wire.to_struct(flattened(resource.inputs)),
        options=_options(resource),
        provider=_provider(resource, evaluation),
    )


def stack_request(evaluation: Evaluation) -> analyzer_pb2.AnalyzeStackRequest:
    """For AnalyzeStack: every resource with its outputs, its parent and what it depends on."""
    return analyzer_pb2.AnalyzeStackRequest(
        resources=[_stack_resource(resource, evaluation) for resource in evaluation.resources.values()]
    )


def _stack_resource(resource: Resource, evaluation: Evaluation) -> analyzer_pb2.AnalyzerResource:
    dependencies = {
        key: analyzer_pb2.AnalyzerPropertyDependencies(urns=urns)
        for key, urns in resource.property_dependencies.items()
        if urns
    }
    return analyzer_pb2.AnalyzerResource(
        type=resource.type,
        urn=resource.urn,
        name=resource.name,
        properties=wire.to_struct(flattened(resource.outputs)),
        options=_options(resource),
        provider=_provider(resource, evaluation),
        parent=resource.parent,
        dependencies=resource.dependencies,
        propertyDependencies=dependencies,
    )


def _options(resource: Resource) -> analyzer_pb2.AnalyzerResourceOptions:
    return analyzer_pb2.AnalyzerResourceOptions(
        protect=resource.protect,
        ignoreChanges=resource.ignore_changes,
        deleteBeforeReplace=resource.delete_before_replace,
        deleteBeforeReplaceDefined=resource.delete_before_replace,
        additionalSecretOutputs=resource.additional_secret_outputs,
        aliases=resource.aliases,
        parent=resource.parent,
    )


def _provider(resource: Resource, evaluation: Evaluation) -> analyzer_pb2.AnalyzerProviderResource | None:
    provider = evaluation.resources.get(resource.provider)
    if provider is None:
        return None
    return analyzer_pb2.AnalyzerProviderResource(
        type=provider.type,
        urn=provider.urn,
        name=provider.name,
        properties=wire.to_struct(flattened(provider.inputs)),
    )


def flattened(value: Any) -> Any:
    """`value` without resource references: their ids, or URNs of components."""
    match value:
        case ResourceReference():
            if value.id:
                return value.id
            return value.urn if value.urn.split("::")[2].rpartition("$")[2].startswith("retail:") else UNKNOWN
        case Secret():
            return Secret(flattened(value.value))
        case Mapping():
            return {key: flattened(item) for key, item in value.items()}
        case list():
            return [flattened(item) for item in value]
        case _:
            return value
