"""CustomResourceDefinitions: installed where the operators' charts would have brought them, and waited for."""

import hashlib
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from rehearsal.cluster.client import ApiError, Client, Object
from rehearsal.cluster.work import Crew, Refused
from rehearsal.errors import RehearsalError
from rehearsal.progress import Progress

_DEFINITION: Final = ("apiextensions.k8s.io/v1", "CustomResourceDefinition")
_DIGEST: Final = "retail/digest"
_SERVED_SECONDS: Final = 30.0


def install(client: Client, definitions: Sequence[Mapping[str, Any]], progress: Progress) -> int:
    """Applies the definitions that are missing or differ; returns how many, once the API server serves all of them.

    Those that are as they should be are known by a digest: they are megabytes, and seconds of the API server's work.
    Raises RehearsalError with all refusals at once.
    """
    present = {
        item["metadata"]["name"]: item["metadata"].get("annotations", {}).get(_DIGEST)
        for item in client.list(*_DEFINITION, metadata_only=True).items
    }
    wanted: list[Object] = []
    for definition in definitions:
        digest = hashlib.sha256(json.dumps(definition, sort_keys=True, default=str).encode()).hexdigest()[:16]
        metadata = definition["metadata"]
        annotations = {**metadata.get("annotations", {}), _DIGEST: digest}
        if present.get(metadata["name"]) != digest:
            # Without the status that generated files carry: it is the API server's to write.
            wanted.append(
                {
                    "apiVersion": definition["apiVersion"],
                    "kind": definition["kind"],
                    "metadata": {**metadata, "annotations": annotations, "creationTimestamp": None},
                    "spec": definition["spec"],
                }
            )
    refused: list[str] = []
    with progress.step("resource definitions of the operators") as step, Crew() as crew:
        for done, (definition, outcome) in enumerate(crew.each(client.apply, wanted), start=1):
            step.show("definitions", done=done, total=len(wanted))
            if isinstance(outcome, Refused):
                refused.append(f"  - {definition['metadata']['name']}: {outcome}")
    if refused:
        raise RehearsalError("\n".join(["the cluster refused resource definitions:", *sorted(refused)]))
    wait_until_served(client, wanted)
    return len(wanted)


def wait_until_served(client: Client, definitions: Iterable[Mapping[str, Any]]) -> None:
    """Returns when discovery offers every served version; a request a moment earlier would find no such kind."""
    waiting = {
        (f"{definition['spec']['group']}/{version['name']}", definition["spec"]["names"]["kind"])
        for definition in definitions
        for version in definition["spec"]["versions"]
        if version["served"]
    }
    deadline = time.monotonic() + _SERVED_SECONDS
    while waiting := {kind for kind in waiting if not _is_served(client, kind)}:
        if time.monotonic() > deadline:
            late = ", ".join(f"{kind} of {api_version}" for api_version, kind in sorted(waiting))
            raise RehearsalError(f"still not served {_SERVED_SECONDS:.0f} s after its definition was applied: {late}")
        time.sleep(0.1)


def _is_served(client: Client, kind: tuple[str, str]) -> bool:
    try:
        client.kind(*kind)
    except ApiError:
        return False
    return True
