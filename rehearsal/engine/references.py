"""The stacks that a program reads through StackReference."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from rehearsal.engine.model import Evaluation
from rehearsal.engine.project import ORGANIZATION, Project
from rehearsal.errors import RehearsalError, UserError

EvaluateStack = Callable[[str, "References"], Evaluation]


class References:
    """Evaluates each referenced stack once, however often and by whomever it is read.

    They are always evaluated in up mode: what they export was deployed before, so it is known even to a preview.
    `path` are the stacks on the way from the first one to the one that reads.
    """

    def __init__(
        self,
        project: Project,
        evaluate: EvaluateStack,
        path: tuple[str, ...],
        known: dict[str, Evaluation] | None = None,
    ) -> None:
        self._project = project
        self._evaluate = evaluate
        self._path = path
        self._known: dict[str, Evaluation] = {} if known is None else known
        self.read_by_name: dict[str, Evaluation] = {}

    def read(self, full_name: str) -> Evaluation:
        """The evaluation of `organization/project/stack`. Raises UserError if it is none of ours or a circle."""
        stack = self._stack_of(full_name)
        if stack in self._path:
            circle = " -> ".join([*self._path[self._path.index(stack) :], stack])
            raise UserError(f"Stacks read each other in a circle: {circle}.")
        if stack not in self._known:
            self._known[stack] = self._evaluate_apart(stack)
        self.read_by_name[full_name] = self._known[stack]
        return self._known[stack]

    def _stack_of(self, full_name: str) -> str:
        match full_name.split("/"):
            case [organization, project, stack] if organization == ORGANIZATION and project == self._project.name:
                self._project.stack_file(stack)
                return stack
            case _:
                raise UserError(
                    f"Stack reference '{full_name}' can't be rehearsed: "
                    f"it must be {ORGANIZATION}/{self._project.name}/<stack>, a stack of this project."
                )

    def _evaluate_apart(self, stack: str) -> Evaluation:
        """In a thread of its own, as an event loop can't run inside another; the reading program waits meanwhile."""
        below = References(self._project, self._evaluate, (*self._path, stack), self._known)
        try:
            with ThreadPoolExecutor(max_workers=1) as thread:
                return thread.submit(self._evaluate, stack, below).result()
        except RehearsalError as error:
            raise type(error)(f"In stack '{stack}', which '{self._path[-1]}' reads: {error}") from None
