"""The two ways a command can end badly: the user's mistake (exit code 2) or ours (exit code 1)."""

from collections.abc import Iterable


class RehearsalError(Exception):
    """Something of ours or of the machine went wrong; the message says what, and what to do. Exit code 1."""

    exit_code = 1


class UserError(RehearsalError):
    """What was asked for can't be done as given; the message names every mistake at once. Exit code 2."""

    exit_code = 2

    @classmethod
    def of(cls, headline: str, mistakes: Iterable[str]) -> "UserError":
        """One error out of many mistakes, each on a line of its own under `headline`."""
        return cls("\n".join([headline, *(f"  - {mistake}" for mistake in mistakes)]))
