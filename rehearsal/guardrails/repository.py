"""What git tells of the program: which commit it is, and who wrote what is new in it."""

import subprocess
from pathlib import Path

from rehearsal.errors import UserError
from rehearsal.paths import PROJECT_DIR


class Repository:
    """The project's git repository; outside one there is no commit and no author."""

    def __init__(self, folder: Path = PROJECT_DIR) -> None:
        self._folder = folder

    @property
    def commit(self) -> str:
        """The commit that the program is, 40 hexadecimal digits; empty where it is none: no repository, or changes that
        are not committed. The guardrails' own files may be changed: commands write them."""
        if self._git("status", "--porcelain", "--", ".", ":(exclude)guardrails") != "":
            return ""
        return self._git("rev-parse", "HEAD") or ""

    def authors(self, since: str) -> list[str]:
        """Mail addresses of who wrote the commits after `since` up to now, co-authors included; of the last one where
        `since` is that, or is not known here."""
        told = (
            self._git("log", "--format=%ae%n%(trailers:key=Co-authored-by,valueonly)", f"{since}..HEAD")
            if since
            else ""
        )
        told = told or self._git("log", "-1", "--format=%ae%n%(trailers:key=Co-authored-by,valueonly)") or ""
        return sorted({_address(line) for line in told.splitlines() if line.strip()})

    def approver(self) -> str:
        """Who the last commit says approved it (`Approved-by:` or `Reviewed-by:`); empty if nobody."""
        told = self._git(
            "log",
            "-1",
            "--format=%(trailers:key=Approved-by,valueonly)%(trailers:key=Reviewed-by,valueonly)",
        )
        return next((_address(line) for line in (told or "").splitlines() if line.strip()), "")

    def _git(self, *arguments: str) -> str | None:
        """What git prints; None where it can't: no repository, no such commit."""
        try:
            done = subprocess.run(["git", "-C", str(self._folder), *arguments], capture_output=True, text=True)
        except OSError as error:
            raise UserError(f"git can't be run: {error.strerror}.") from None
        return done.stdout.strip() if done.returncode == 0 else None


def _address(line: str) -> str:
    """The address of `Name <address>`, or the line itself."""
    return (line.partition("<")[2].partition(">")[0] or line).strip().lower()
