"""What the random provider would answer.

Ids, pets and their like come from a digest of the URN, the same every time. Passwords and bytes are really random:
they guard something even in a rehearsal. They stay the same as long as the previous outputs are handed in and the
inputs have not changed. The bcrypt hash of a password is left out: nothing at hand computes it.
"""

import base64
import hashlib
import random
import secrets
import string
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from rehearsal.engine.computed import Computed, NotCoveredError
from rehearsal.engine.model import Resource, reveal

_SPECIAL: Final = "!@#$%&*()-_=+[]{}<>:?"
"""The provider's own default (terraform-provider-random, internal/random/string.go)."""

_ADJECTIVES: Final = ("able", "brave", "calm", "eager", "fair", "gentle", "keen", "lucid", "merry", "noble", "proud")
_ANIMALS: Final = ("badger", "crane", "dolphin", "falcon", "gecko", "heron", "ibis", "lynx", "marten", "otter", "wren")


def random_outputs(resource: Resource, previous: Mapping[str, Any] | None) -> Computed:
    """The outputs of a `random:*` resource; `previous` are those of the last run. Raises NotCoveredError."""
    rule = _RULES.get(resource.type)
    if rule is None:
        raise NotCoveredError(resource.type)
    inputs = reveal(resource.inputs)
    kept = _kept(inputs, reveal(dict(previous)) if previous else {}, _SECRET_RESULTS.get(resource.type, ()))
    if kept:
        return Computed("none", kept)
    seed = hashlib.sha256(resource.urn.encode()).digest()
    return rule(inputs, seed)


def covered_types() -> frozenset[str]:
    """The types of the random provider that have a rule."""
    return frozenset(_RULES)


def _kept(inputs: dict[str, Any], previous: dict[str, Any], results: tuple[str, ...]) -> dict[str, Any]:
    """The secret results of the last run, if it had the same inputs."""
    unchanged = all(previous.get(key) == value for key, value in inputs.items())
    complete = bool(results) and all(previous.get(key) for key in results)
    return {key: previous[key] for key in results} if unchanged and complete else {}


def _password(inputs: dict[str, Any], _seed: bytes) -> Computed:
    return Computed("none", {"result": _text(inputs, secrets.SystemRandom())})


def _string(inputs: dict[str, Any], seed: bytes) -> Computed:
    text = _text(inputs, random.Random(seed))  # noqa: S311 - a name, not a secret
    return Computed(text, {"result": text})


def _text(inputs: dict[str, Any], source: random.Random) -> str:
    """`length` characters of the enabled classes, of each at least its minimum."""
    classes = {
        "lower": string.ascii_lowercase,
        "upper": string.ascii_uppercase,
        "numeric": string.digits,
        "special": inputs.get("overrideSpecial") or _SPECIAL,
    }
    enabled = {name: characters for name, characters in classes.items() if inputs.get(name, True)}
    chosen = [
        source.choice(characters)
        for name, characters in enabled.items()
        for _ in range(int(inputs.get(f"min{name.title()}", 0)))
    ]
    everything = "".join(enabled.values())
    chosen += [source.choice(everything) for _ in range(int(inputs["length"]) - len(chosen))]
    source.shuffle(chosen)
    return "".join(chosen)


def _bytes(inputs: dict[str, Any], _seed: bytes) -> Computed:
    drawn = secrets.token_bytes(int(inputs["length"]))
    return Computed("none", {"base64": base64.b64encode(drawn).decode(), "hex": drawn.hex()})


def _id(inputs: dict[str, Any], seed: bytes) -> Computed:
    drawn = hashlib.shake_256(seed).digest(int(inputs["byteLength"]))
    prefix = inputs.get("prefix") or ""
    url = base64.urlsafe_b64encode(drawn).decode().rstrip("=")
    return Computed(
        url,
        {
            "b64Std": prefix + base64.b64encode(drawn).decode(),
            "b64Url": prefix + url,
            "dec": f"{prefix}{int.from_bytes(drawn)}",
            "hex": prefix + drawn.hex(),
        },
    )


def _pet(inputs: dict[str, Any], seed: bytes) -> Computed:
    length = int(inputs.get("length", 2))
    words = [_ADJECTIVES[byte % len(_ADJECTIVES)] for byte in seed[1:length]] + [_ANIMALS[seed[0] % len(_ANIMALS)]]
    separator = inputs.get("separator", "-")
    prefix = [inputs["prefix"]] if inputs.get("prefix") else []
    return Computed(separator.join(prefix + words), {"length": length, "separator": separator})


def _integer(inputs: dict[str, Any], seed: bytes) -> Computed:
    low, high = int(inputs["min"]), int(inputs["max"])
    number = low + int.from_bytes(seed) % (high - low + 1)
    return Computed(str(number), {"result": number})


def _uuid(_inputs: dict[str, Any], seed: bytes) -> Computed:
    text = str(uuid.UUID(bytes=seed[:16], version=4))
    return Computed(text, {"result": text})


def _shuffle(inputs: dict[str, Any], seed: bytes) -> Computed:
    results = list(inputs["inputs"])
    random.Random(seed).shuffle(results)  # noqa: S311 - an order, not a secret
    return Computed("-", {"results": results[: int(inputs.get("resultCount", len(results)))]})


_RULES: Final[dict[str, Callable[[dict[str, Any], bytes], Computed]]] = {
    "random:index/randomBytes:RandomBytes": _bytes,
    "random:index/randomId:RandomId": _id,
    "random:index/randomInteger:RandomInteger": _integer,
    "random:index/randomPassword:RandomPassword": _password,
    "random:index/randomPet:RandomPet": _pet,
    "random:index/randomShuffle:RandomShuffle": _shuffle,
    "random:index/randomString:RandomString": _string,
    "random:index/randomUuid:RandomUuid": _uuid,
}
_SECRET_RESULTS: Final[dict[str, tuple[str, ...]]] = {
    "random:index/randomBytes:RandomBytes": ("base64", "hex"),
    "random:index/randomPassword:RandomPassword": ("result",),
}
