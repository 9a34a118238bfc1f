"""What a rule of the output table may use: the resource's inputs, its account and region, and digests of its URN."""

import hashlib
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from rehearsal.engine.model import UNKNOWN, Resource

CREATED: Final = "2026-01-01T00:00:00Z"
"""When everything was created, to the outputs that tell: a fixed time, so that results are the same every time."""

_DIRECTIONS: Final = {"north": "n", "south": "s", "east": "e", "west": "w", "central": "c", "gov": "g"}


@dataclass(frozen=True)
class Account:
    """Where an aws provider works. `id` has 12 digits; `default_tags` are the provider's."""

    id: str
    region: str
    default_tags: dict[str, Any] = field(default_factory=dict)

    @property
    def partition(self) -> str:
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    @property
    def dns_suffix(self) -> str:
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"


def short_region(region: str) -> str:
    """The region as zone ids and cache endpoints abbreviate it: euc1 for eu-central-1, apse2 for ap-southeast-2."""
    area, *middle, number = region.split("-")
    directions = "".join(middle)
    for word, letter in _DIRECTIONS.items():
        directions = directions.replace(word, letter)
    return f"{area}{directions}{number}"


def zones(region: str) -> list[str]:
    """The names of three availability zones; every region that offers EKS has as many."""
    return [f"{region}{letter}" for letter in "abc"]


def zone_id(zone: str) -> str:
    """The id of a zone given by name. In reality the letters are shuffled per account; here a is 1."""
    return f"{short_region(zone[:-1])}-az{ord(zone[-1]) - ord('a') + 1}"


@dataclass(frozen=True)
class Facts:
    """One resource, as the rules see it. `inputs` are without secret wrappers; in a preview UNKNOWN may be inside.

    `name` is the physical name, given or made from the logical one. `find` looks up a resource by its id.
    """

    urn: str
    name: str
    inputs: dict[str, Any]
    account: Account
    find: Callable[[str], Resource | None]

    def get(self, *path: str, default: Any = "") -> Any:
        """The input at `path`; `default` where there is none, or where it is unknown."""
        found: Any = self.inputs
        for key in path:
            if not isinstance(found, dict) or found.get(key) in (None, UNKNOWN):
                return default
            found = found[key]
        return found

    def hex(self, length: int, salt: str = "") -> str:
        """`length` (at most 64) hexadecimal digits, the same for this resource every time."""
        return hashlib.sha256(f"{self.urn}|{salt}".encode()).hexdigest()[:length]

    def capitals(self, length: int, salt: str = "") -> str:
        """`length` (at most 32) capital letters and digits, as in IAM's and Route 53's ids."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
        return "".join(alphabet[byte % 32] for byte in hashlib.sha256(f"{self.urn}|{salt}".encode()).digest()[:length])

    def uuid(self, salt: str = "") -> str:
        return str(uuid.UUID(self.hex(32, salt), version=4))

    def ec2_id(self, prefix: str, salt: str = "") -> str:
        """An id like vpc-0a1b2c3d4e5f60718."""
        return f"{prefix}-0{self.hex(16, prefix + salt)}"

    @cached_property
    def region(self) -> str:
        """The resource's own `region` input, else its provider's."""
        return str(self.get("region", default=self.account.region))

    def arn(self, service: str, resource: str, *, region: bool = True, account: bool = True) -> str:
        """An ARN; global services leave out the region, S3 and Route 53 the account as well."""
        where = self.region if region else ""
        return f"arn:{self.account.partition}:{service}:{where}:{self.account.id if account else ''}:{resource}"

    def found(self, identifier: Any, output: str, default: Any) -> Any:
        """The output of another resource of the program, found by its id; `default` where it is not one of it."""
        other = self.find(identifier) if isinstance(identifier, str) else None
        return other.outputs.get(output, default) if other else default
