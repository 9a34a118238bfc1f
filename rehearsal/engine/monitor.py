"""The two services that the SDK calls while a program runs: ResourceMonitor and Engine, as plain objects.

Method names are the protocol's (pulumi/pulumi, proto/pulumi/resource.proto and engine.proto). Mistakes of the program
are collected in `problems`, so that one run shows them all; the answers then are good enough to carry on.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from google.protobuf.empty_pb2 import Empty
from pulumi.runtime.proto import engine_pb2, resource_pb2

from rehearsal.engine import requests, wire
from rehearsal.engine.computed import Computed, NotCoveredError
from rehearsal.engine.invokes import INVOKES
from rehearsal.engine.model import UNKNOWN, Evaluation, Resource, Secret, contains, reveal, secret_texts
from rehearsal.engine.ordering import in_order
from rehearsal.engine.project import ORGANIZATION
from rehearsal.engine.providers import Providers
from rehearsal.engine.scrubbing import SHORTEST_SECRET
from rehearsal.engine.stack_config import StackConfig
from rehearsal.engine.urns import PROVIDER_TYPE, STACK_TYPE, make_urn
from rehearsal.errors import RehearsalError, UserError

_FEATURES: Final = (
    resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
    resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
    resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_PARAMETERIZATION,
    resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS,
    resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_DEPENDS_ON,
)
"""Transforms are among them so that the SDK asks for one, and is refused by name."""

_STACK_REFERENCE: Final = "pulumi:pulumi:StackReference"


class Monitor:
    """The ResourceMonitor of one run. `read_stack` evaluates the stack that a StackReference names."""

    def __init__(
        self,
        project: str,
        stack: str,
        folder: Path,
        config: StackConfig,
        *,
        preview: bool,
        previous: Mapping[str, Mapping[str, Any]],
        read_stack: Callable[[str], Evaluation],
    ) -> None:
        self._project = project
        self._stack = stack
        self._folder = folder
        self._preview = preview
        self._read_stack = read_stack
        self._disabled_defaults = _disabled_default_providers(config)
        self.resources: dict[str, Resource] = {}
        self.outputs: dict[str, Any] = {}
        self.problems: list[str] = []
        self._providers = Providers(self.resources, config.values, previous)

    # What the SDK asks first

    def GetDeploymentInfo(self, _request: Empty) -> resource_pb2.DeploymentInfo:
        return resource_pb2.DeploymentInfo(
            project=self._project,
            stack=self._stack,
            organization=ORGANIZATION,
            dryRun=self._preview,
            supportedFeatures=_FEATURES,
        )

    def SupportsFeature(self, _request: Any) -> resource_pb2.SupportsFeatureResponse:
        return resource_pb2.SupportsFeatureResponse(hasSupport=True)

    def RegisterPackage(self, request: Any) -> resource_pb2.RegisterPackageResponse:
        return resource_pb2.RegisterPackageResponse(ref=f"{request.name}@{request.version}")

    def SignalAndWaitForShutdown(self, _request: Empty) -> Empty:
        """The program has ended well, and everything is registered."""
        self.resources = in_order(self.resources)
        return Empty()

    # Resources

    def RegisterResource(self, request: Any) -> resource_pb2.RegisterResourceResponse:
        urn = make_urn(self._stack, self._project, request.parent, request.type, request.name)
        if urn in self.resources:
            self._problem(request, f"two resources have the URN {urn}: give one of them another name")
            return resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        resource = requests.registered(request, urn)
        self.resources[urn] = resource
        if request.remote:
            self._problem(request, f"{request.type} is a component of another language, which can't run here")
        for key in self._untold(resource.inputs):
            sources = " or ".join(source.split("::", 2)[2] for source in resource.property_dependencies.get(key, ()))
            self._problem(request, f"'{key}' of '{request.name}' needs an output that is not known: of {sources}")
        if not request.custom:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        self._refuse_disabled_default(resource, request)
        return self._create(resource, request)

    def RegisterResourceOutputs(self, request: Any) -> Empty:
        outputs = wire.to_dict(request.outputs)
        resource = self.resources[request.urn]
        resource.outputs = outputs
        if resource.type == STACK_TYPE:
            self.outputs = outputs
            self.problems += [f"the stack output '{key}' is not known" for key in self._untold(outputs)]
        return Empty()

    def ReadResource(self, request: Any) -> resource_pb2.ReadResourceResponse:
        urn = make_urn(self._stack, self._project, request.parent, request.type, request.name)
        resource = requests.read(request, urn)
        if request.type == _STACK_REFERENCE:
            resource.outputs = self._stack_reference(request.id)
        else:
            # What exists already is known only by its id: there is no cloud to ask.
            resource.outputs = resource.inputs
        self.resources[urn] = resource
        answer = wire.to_struct(resource.outputs)
        return resource_pb2.ReadResourceResponse(urn=urn, id=request.id, properties=answer, unknown=not self._preview)

    # Functions

    def Invoke(self, request: Any) -> resource_pb2.ResourceInvokeResponse:
        if request.tok == "pulumi:pulumi:getResource":
            return _invoke_response(self._resource_state(request.args["urn"]))
        if not self._providers.configured(requests.provider_urn(request)):
            return _invoke_response({})
        if self._preview and request.dependsOn:
            return resource_pb2.ResourceInvokeResponse(unknown=True)
        invoke = INVOKES.get(request.tok)
        if invoke is None:
            raise RehearsalError(f"The program calls {request.tok}, which this engine has no answer for.")
        account = self._providers.account(requests.provider_urn(request))
        return _invoke_response(invoke(reveal(wire.to_dict(request.args)), account))

    def ExistsResource(self, request: Any) -> Any:
        raise RehearsalError(f"The program asks whether a {request.type} exists: this engine has no cloud to ask.")

    def Call(self, request: Any) -> Any:
        raise RehearsalError(f"The program calls the method {request.tok}, which this engine has no answer for.")

    # Callbacks into the program

    def RegisterStackTransform(self, _request: Any) -> Empty:
        raise RehearsalError("The program registers a resource transform, which this engine does not run.")

    def RegisterStackInvokeTransform(self, _request: Any) -> Empty:
        raise RehearsalError("The program registers an invoke transform, which this engine does not run.")

    def RegisterResourceHook(self, _request: Any) -> Empty:
        """Hooks run around the creation of a resource; nothing is created here, so none runs."""
        return Empty()

    def RegisterErrorHook(self, _request: Any) -> Empty:
        """As `RegisterResourceHook`."""
        return Empty()

    # How an answer comes about

    def _create(self, resource: Resource, request: Any) -> resource_pb2.RegisterResourceResponse:
        if not self._providers.configured(resource.provider):
            # As the real engine: it does not ask a provider whose configuration is not known yet, and answers nothing.
            return resource_pb2.RegisterResourceResponse(urn=resource.urn)
        computed = self._computed(resource, request)
        if self._preview:
            changed = {
                key: value if key in computed.settled else _unknown_beside(value, resource.inputs.get(key))
                for key, value in computed.outputs.items()
            }
        else:
            changed = computed.outputs
            resource.id = computed.id
        changed = _with_secrets(changed, resource)
        resource.outputs = {**resource.inputs, **changed}
        # What is not answered is unknown to the program, not None: `_untold` then finds what needed it.
        response = resource_pb2.RegisterResourceResponse(
            urn=resource.urn, id=resource.id, object=request.object, unknown=not self._preview
        )
        for key, value in changed.items():
            response.object.fields[key].CopyFrom(wire.to_value(value))
        return response

    def _computed(self, resource: Resource, request: Any) -> Computed:
        try:
            return self._providers.compute(resource)
        except NotCoveredError:
            if not self._preview:
                self._problem(request, f"no outputs are known for resources of type {resource.type}")
        except UserError as error:
            self._problem(request, str(error))
        return Computed("", {})

    def _stack_reference(self, full_name: str) -> dict[str, Any]:
        evaluation = self._read_stack(full_name)
        secret = [name for name, value in evaluation.outputs.items() if contains(value, _is_secret)]
        return {"name": full_name, "outputs": evaluation.outputs, "secretOutputNames": secret}

    def _resource_state(self, urn: str) -> dict[str, Any]:
        resource = self.resources[urn]
        identifier = UNKNOWN if self._preview and resource.custom and not resource.id else resource.id
        return {"urn": urn, "id": identifier, "state": resource.outputs}

    def _refuse_disabled_default(self, resource: Resource, request: Any) -> None:
        package = resource.type.partition(":")[0]
        if resource.provider or resource.type.startswith(PROVIDER_TYPE):
            return
        if package in self._disabled_defaults or "*" in self._disabled_defaults:
            self._problem(request, f"the default provider of {package} is disabled: '{resource.name}' must name one")

    def _untold(self, values: dict[str, Any]) -> list[str]:
        """The keys of what is unknown. In up mode that is a mistake to show: an output that no rule supplies."""
        return [] if self._preview else [key for key, value in values.items() if _holds(value, UNKNOWN)]

    def _problem(self, request: Any, message: str) -> None:
        """Notes a mistake of the program, after the innermost of its lines that led to `request`."""
        place = requests.place(request.stackTrace, self._folder)
        self.problems.append(f"{place}: {message}" if place else message)


class Engine:
    """The Engine service of one run: it keeps what the program logs, from warnings up."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def Log(self, request: Any) -> Empty:
        if request.severity >= engine_pb2.WARNING:
            self.warnings.append(request.message)
        return Empty()

    def RequirePulumiVersion(self, _request: Any) -> engine_pb2.RequirePulumiVersionResponse:
        return engine_pb2.RequirePulumiVersionResponse()


def _unknown_beside(value: Any, given: Any) -> Any:
    """In a preview only what the program gave is known: inside `value` everything else becomes UNKNOWN."""
    if isinstance(value, dict) and isinstance(given, dict):
        return {key: _unknown_beside(item, given.get(key)) for key, item in value.items()}
    return given if given is not None else UNKNOWN


def _with_secrets(changed: dict[str, Any], resource: Resource) -> dict[str, Any]:
    """The changed outputs, wrapped where they are secret: declared so, made from an input that is, or quoting one."""
    declared = {key: resource.inputs[key] for key in resource.additional_secret_outputs if key in resource.inputs}
    texts = [text for text in secret_texts(resource.inputs) if len(text) >= SHORTEST_SECRET]
    wrapped = {}
    for key, value in {**declared, **changed}.items():
        secret = (
            key in resource.additional_secret_outputs
            or isinstance(resource.inputs.get(key), Secret)
            or contains(value, lambda item: isinstance(item, str) and any(text in item for text in texts))
        )
        wrapped[key] = Secret(value) if secret and not isinstance(value, Secret) else value
    return wrapped


def _holds(value: Any, wanted: Any) -> bool:
    return contains(value, lambda item: item is wanted)


def _is_secret(value: Any) -> bool:
    return isinstance(value, Secret)


def _invoke_response(result: dict[str, Any]) -> resource_pb2.ResourceInvokeResponse:
    response = resource_pb2.ResourceInvokeResponse()
    getattr(response, "return").CopyFrom(wire.to_struct(result))
    return response


def _disabled_default_providers(config: StackConfig) -> frozenset[str]:
    """The packages under `pulumi:disable-default-providers`."""
    text = config.values.get("pulumi:disable-default-providers", "")
    return frozenset(name for name in text.strip("[]").replace('"', "").split(",") if name)
