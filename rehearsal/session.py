"""What `up` and `down` do, from the stack's name to a cluster that holds it, and back.

One control plane stands for one EKS cluster, named by the stack that owns it; hosted stacks join their platform's.
"""

import hashlib
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rehearsal.cluster import placement
from rehearsal.cluster.apply import apply
from rehearsal.cluster.changes import Changes
from rehearsal.cluster.client import Client
from rehearsal.cluster.definitions import install
from rehearsal.cluster.nodes import apply_nodes, remove_nodes
from rehearsal.cluster.placement import Placement
from rehearsal.cluster.prune import destroy
from rehearsal.cluster.state import open_state, previous_outputs
from rehearsal.controlplane import boot
from rehearsal.crds.catalogue import load_crds
from rehearsal.engine.evaluate import evaluate
from rehearsal.engine.kubernetes_objects import kubernetes_objects
from rehearsal.engine.model import Evaluation
from rehearsal.errors import RehearsalError, UserError
from rehearsal.paths import PROJECT_DIR, home_dir, plane_dir
from rehearsal.progress import Progress
from rehearsal.report.summary import summarize
from rehearsal.standins.kinds import MODE_NAME, MODE_NAMESPACE
from rehearsal.standins.report import STAND_INS as STOOD_IN

STAND_INS_PROCESS = "stand-ins"

ELSEWHERE_PATIENCE_SECONDS = 300
"""Without news, on a cluster that pulls images and starts machines."""


@dataclass(frozen=True)
class Request:
    """What was asked of `up`. `at` is "floor" or "ceiling"; with a `kubeconfig` that cluster is used as it is."""

    stack: str
    overrides: Mapping[str, str] = field(default_factory=dict)
    at: str = "floor"
    kubeconfig: Path | None = None
    project_dir: Path = PROJECT_DIR


@dataclass(frozen=True)
class Outcome:
    """What `up` came to."""

    evaluation: Evaluation
    changes: Changes
    placement: Placement
    kubeconfig: Path
    embedded: bool


def up(request: Request, progress: Progress) -> Outcome:
    """Bring the stack up, and first the platform it lives on; only what changed is changed.

    Raises UserError for what the request asks wrongly, RehearsalError (ApplyError with the changes) for the rest.
    """
    if request.kubeconfig:
        return _up_elsewhere(request, request.kubeconfig, progress)
    evaluation = _evaluate(request, progress)
    _held_against_guardrails(evaluation, request, progress)
    owner = cluster_owner(evaluation)
    with boot.plane_lock(owner, progress):
        if any(not wholly_up(platform, progress) for platform in evaluation.references.values()):
            progress.note(f"{request.stack} lives on {owner}, which is not wholly up: bringing it up first")
            up(replace(request, stack=owner, overrides={}), progress)
        plane = boot.start(owner, progress)
        with Client(plane.kubeconfig) as client, open_state(plane.folder, request.stack, progress) as state:
            install(client, _definitions(evaluation, progress), progress)
            set_mode(client, request.at)
            _start_stand_ins(plane)
            apply_nodes(evaluation, client, progress)
            changes = apply(evaluation, client, state, progress)
            placed = placement.wait(client, progress)
        return Outcome(evaluation, changes, placed, plane.kubeconfig, embedded=True)


def down(stack: str, progress: Progress) -> list[str]:
    """Take a stack down: its control plane where it owns one, else its objects. Returns the stacks that went."""
    if stack in boot.planes() or plane_dir(stack).exists():
        hosted = stacks_on(stack)
        boot.stop(stack, progress)
        with suppress(OSError):  # not empty: others are up
            home_dir().rmdir()
        return sorted({stack, *hosted})
    owner = next((plane for plane in boot.planes() if stack in stacks_on(plane)), None)
    if owner is None:
        boot.stop(stack, progress)  # what an `up` left that ended before its control plane was there
        return []
    with boot.plane_lock(owner, progress):
        plane = boot.start(owner, progress)
        with Client(plane.kubeconfig) as client, open_state(plane.folder, stack, progress) as state:
            remove_nodes(stack, client)
            destroy(client, state, progress, protected_too=True)
    return [stack]


def page_of(outcome: Outcome) -> dict[str, Any]:
    """What there is to show of an `up`, secrets masked."""
    stack, command = outcome.evaluation.stack, f"{_python()} -m rehearsal"
    steps = [
        (f"{command} kubectl --stack {stack} get pods -A -o wide", "look inside"),
        (f"{command} up {stack} --at ceiling", "every scaled tier at its maximum"),
        (f"{command} up {stack} -c season=peak", "the other season"),
        (f"{command} explain {stack}", "where the numbers come from"),
        (f"{command} down {stack}", "take it down"),
    ]
    if not outcome.embedded:
        steps = [(f"kubectl --kubeconfig {outcome.kubeconfig} get pods -A -o wide", "look inside")]
    stood_in_for = [each.operator for each in STOOD_IN] if outcome.embedded else []
    return {
        **summarize(outcome.evaluation, outcome.placement, outcome.changes, steps),
        "stood_in_for": stood_in_for,
    }


def _python() -> str:
    """How this interpreter is called from here: the project's own is in no PATH unless somebody activated it."""
    own = Path(sys.executable)
    active = os.environ.get("VIRTUAL_ENV") == sys.prefix
    return "python" if active or not own.is_relative_to(Path.cwd()) else str(own.relative_to(Path.cwd()))


def cluster_owner(evaluation: Evaluation) -> str:
    """The stack whose cluster this one lives on: the platform it refers to, else itself."""
    return next((name.rsplit("/", 1)[-1] for name in evaluation.references), evaluation.stack)


def stacks_on(plane: str) -> list[str]:
    """The stacks that are up on a control plane, by their state files."""
    return sorted(file.stem for file in (plane_dir(plane) / "state").glob("*.json"))


def wholly_up(evaluation: Evaluation, progress: Progress) -> bool:
    """Whether every object of a stack that owns its cluster is recorded; an interrupted `up` leaves some out."""
    if evaluation.stack not in stacks_on(evaluation.stack):
        return False
    with open_state(plane_dir(evaluation.stack), evaluation.stack, progress) as state:
        return {item.urn for item in kubernetes_objects(evaluation)} <= state.entries.keys()


def running_plane(name: str | None) -> str:
    """The control plane to look at: the one named (or that holds the stack named), or the only one there is."""
    planes = boot.planes()
    if name is None:
        if len(planes) == 1:
            return planes[0]
        known = f"say which with --stack: {', '.join(planes)}" if planes else "bring a stack up first"
        raise UserError(f"{'several control planes are' if planes else 'no control plane is'} up; {known}")
    for plane in planes:
        if name == plane or name in stacks_on(plane):
            return plane
    raise UserError(f"{name} is not up; up are: {', '.join(planes) or 'none'}")


def _evaluate(request: Request, progress: Progress) -> Evaluation:
    """The program's resources for the stack, with the random values that its last `up` kept."""
    kept = next(iter(home_dir().glob(f"*/state/{request.stack}.json")), None)
    previous = previous_outputs(kept.parent.parent) if kept else {}
    with progress.step(f"evaluating the program for {request.stack}"):
        return evaluate(
            request.project_dir,
            request.stack,
            preview=False,
            overrides=request.overrides,
            previous_outputs=previous,
        )


def _held_against_guardrails(evaluation: Evaluation, request: Request, progress: Progress) -> None:
    """Refuses what the project's guardrails forbid. A rehearsal releases nothing, so it is bound by no freeze."""
    pack = request.project_dir / "policies"
    if not pack.is_dir():
        return
    # Imported late: it brings gRPC, half a second that kubectl and status need not wait for.
    from rehearsal.guardrails.configuration import configuration_file, read_configuration
    from rehearsal.guardrails.judge import judge

    with progress.step(f"holding {request.stack} against the guardrails"):
        file = configuration_file(request.stack, request.project_dir)
        given = read_configuration(file) if file.exists() else {}
        verdict = judge(evaluation, {**given, "rehearsal": True}, pack=pack)
    if not verdict.ok:
        raise RehearsalError(
            f"The guardrails refuse {request.stack}, {verdict.mandatory} rules are broken:\n{verdict.broken}\n"
            f"`check {request.stack}` says how to fix each; `check --rule ID` why it is there."
        )


def _up_elsewhere(request: Request, kubeconfig: Path, progress: Progress) -> Outcome:
    """On a cluster of the user's own: objects only. Its nodes, operators and their CRDs are its own affair."""
    if request.at != "floor":
        raise UserError("--at ceiling needs the stand-ins of an embedded control plane; leave --kubeconfig out")
    with Client(kubeconfig, error=UserError) as client:
        evaluation = _evaluate(request, progress)
        _held_against_guardrails(evaluation, request, progress)
        own = {item.namespace for item in kubernetes_objects(evaluation) if item.namespace}
        with open_state(_folder_of(kubeconfig), request.stack, progress) as state:
            changes = apply(evaluation, client, state, progress)
        placed = placement.wait(
            client, progress, namespaces=own, stand_ins=False, patience_seconds=ELSEWHERE_PATIENCE_SECONDS
        )
        return Outcome(evaluation, changes, placed, kubeconfig, embedded=False)


def _folder_of(kubeconfig: Path) -> Path:
    """The folder that holds the state of stacks brought up on a cluster of the user's own."""
    folder = home_dir() / f"cluster-{hashlib.sha256(str(kubeconfig.resolve()).encode()).hexdigest()[:12]}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _definitions(evaluation: Evaluation, progress: Progress) -> list[dict[str, Any]]:
    """The CRDs of the kinds that the program uses. All of the operators' would double the API server's memory."""
    used = {(item.api_version.partition("/")[0], item.kind) for item in kubernetes_objects(evaluation)}
    return [
        definition
        for definition in load_crds(progress)
        if (definition["spec"]["group"], definition["spec"]["names"]["kind"]) in used
    ]


def set_mode(client: Client, at: str) -> None:
    """Tell the stand-in of KEDA where scaled tiers are to be; it reads this object."""
    client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MODE_NAMESPACE}})
    client.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": MODE_NAME, "namespace": MODE_NAMESPACE},
            "data": {"at": at},
        }
    )


def _start_stand_ins(plane: boot.Plane) -> None:
    """The stand-ins run as one process of the plane: started once, ended with it."""
    python_path = os.pathsep.join([str(PROJECT_DIR), *filter(None, [os.environ.get("PYTHONPATH")])])
    boot.register_process(
        plane,
        STAND_INS_PROCESS,
        [
            sys.executable,
            "-m",
            "rehearsal.standins",
            "--plane-dir",
            str(plane.folder),
            "--kubeconfig",
            str(plane.client_kubeconfig("standins")),
        ],
        {"PYTHONPATH": python_path},
    )
