"""Between the protobuf values of the engine's protocol and plain Python.

The protocol has no types for secrets, unknowns, resource references and assets: it marks them by well-known signatures
inside ordinary structs (pulumi/pulumi, sdk/go/common/resource/properties.go).
"""

from enum import StrEnum
from typing import Any, Final

from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value

from rehearsal.engine.model import UNKNOWN, Asset, ResourceReference, Secret

SIGNATURE_KEY: Final = "4dabf18193072939515e22adb298388d"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Signature(StrEnum):
    """What a struct stands for, by the value under `SIGNATURE_KEY`."""

    SECRET = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105 - a marker of the protocol, not a password
    RESOURCE = "5cf8f73096256a8f31e491e813e4eb8e"
    OUTPUT = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
    ASSET = "c44067f5952c0a294b673a41bacd8c17"
    ARCHIVE = "0def7320c3a5731c473e5ecbe6d01bc7"


def to_dict(struct: Struct) -> dict[str, Any]:
    """The fields of `struct` as plain Python, with the additions of `rehearsal.engine.model`.

    In alphabetical order: the wire keeps none, and its own differs from run to run.
    """
    fields = struct.fields
    return {key: to_python(fields[key]) for key in sorted(fields)}


def to_python(value: Value) -> Any:
    """One value as plain Python. Whole numbers become int: the wire knows only floats."""
    match value.WhichOneof("kind"):
        case "string_value":
            return UNKNOWN if value.string_value == UNKNOWN_TEXT else value.string_value
        case "struct_value":
            return _from_struct(value.struct_value)
        case "list_value":
            return [to_python(item) for item in value.list_value.values]
        case "bool_value":
            return value.bool_value
        case "number_value":
            number = value.number_value
            return int(number) if number.is_integer() else number
        case _:
            return None


def _from_struct(struct: Struct) -> Any:
    fields = struct.fields
    if SIGNATURE_KEY not in fields:
        return to_dict(struct)
    match fields[SIGNATURE_KEY].string_value:
        case Signature.SECRET:
            return Secret(to_python(fields["value"]))
        case Signature.RESOURCE:
            known = "id" in fields and fields["id"].string_value != UNKNOWN_TEXT
            return ResourceReference(fields["urn"].string_value, fields["id"].string_value if known else "")
        case Signature.OUTPUT:
            inner = to_python(fields["value"]) if "value" in fields else UNKNOWN
            return Secret(inner) if "secret" in fields and fields["secret"].bool_value else inner
        case signature:
            content = {key: to_python(item) for key, item in fields.items() if key != SIGNATURE_KEY}
            return Asset("asset" if signature == Signature.ASSET else "archive", content)


def to_struct(values: dict[str, Any]) -> Struct:
    """The opposite of `to_dict`."""
    return Struct(fields={key: to_value(value) for key, value in values.items()})


def to_value(value: Any) -> Value:
    """The opposite of `to_python`. Raises TypeError for what the protocol can't carry."""
    if value is UNKNOWN:
        return Value(string_value=UNKNOWN_TEXT)
    match value:
        case None:
            return Value(null_value=NULL_VALUE)
        case bool():
            return Value(bool_value=value)
        case int() | float():
            return Value(number_value=value)
        case str():
            return Value(string_value=value)
        case dict():
            return Value(struct_value=to_struct(value))
        case list() | tuple():
            return Value(list_value=ListValue(values=[to_value(item) for item in value]))
        case Secret():
            return Value(struct_value=to_struct({SIGNATURE_KEY: Signature.SECRET, "value": value.value}))
        case ResourceReference():
            return Value(struct_value=to_struct({SIGNATURE_KEY: Signature.RESOURCE, "urn": value.urn, "id": value.id}))
        case Asset():
            signature = Signature.ASSET if value.kind == "asset" else Signature.ARCHIVE
            return Value(struct_value=to_struct({SIGNATURE_KEY: signature, **value.fields}))
        case _:
            raise TypeError(f"the engine's protocol can't carry a {type(value).__name__}")
