from pulumi.runtime.proto.alias_pb2 import Alias

from rehearsal.engine.urns import alias_urn, make_urn

STACK = "urn:pulumi:dev::demo::pulumi:pulumi:Stack::demo-dev"
COMPONENT = "urn:pulumi:dev::demo::retail:a:A$retail:b:B::b"
CHILD = "urn:pulumi:dev::demo::retail:a:A$retail:b:B$aws:s3/bucket:Bucket::data"


def test_the_stack_is_left_out_of_the_chain_of_types() -> None:
    assert make_urn("dev", "demo", STACK, "retail:a:A", "a") == "urn:pulumi:dev::demo::retail:a:A::a"
    assert make_urn("dev", "demo", "", "pulumi:pulumi:Stack", "demo-dev") == STACK


def test_a_child_carries_its_parents_types() -> None:
    assert make_urn("dev", "demo", COMPONENT, "aws:s3/bucket:Bucket", "data") == CHILD


def test_an_alias_leaves_out_what_is_the_same() -> None:
    spec = Alias.Spec
    cases = {
        "urn:pulumi:dev::demo::retail:a:A$retail:b:B$aws:s3/bucket:Bucket::old": spec(name="old"),
        "urn:pulumi:dev::demo::retail:a:A$retail:b:B$aws:s3/bucketV2:BucketV2::data": spec(
            type="aws:s3/bucketV2:BucketV2"
        ),
        "urn:pulumi:dev::demo::aws:s3/bucket:Bucket::data": spec(noParent=True),
        "urn:pulumi:dev::demo::retail:c:C$aws:s3/bucket:Bucket::data": spec(
            parentUrn="urn:pulumi:dev::demo::retail:c:C::c"
        ),
        "urn:pulumi:old::was::retail:a:A$retail:b:B$aws:s3/bucket:Bucket::data": spec(stack="old", project="was"),
    }
    for expected, given in cases.items():
        assert alias_urn(Alias(spec=given), CHILD, COMPONENT) == expected
    assert alias_urn(Alias(urn="urn:any"), CHILD, COMPONENT) == "urn:any"
