from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from rehearsal.check.tree import render_counts, render_tree, resource_tree, short_type, type_counts
from rehearsal.engine.model import Evaluation, Resource


@pytest.fixture
def evaluation(evaluation_of: Callable[..., Evaluation]) -> Evaluation:
    made = evaluation_of([])
    for token, name, parent, custom in (
        ("pulumi:pulumi:Stack", "odoo-retail-dev", "", False),
        ("retail:tenancy:Retailer", "shop", "odoo-retail-dev", False),
        ("kubernetes:core/v1:Secret", "one", "shop", True),
        ("kubernetes:core/v1:Secret", "two", "shop", True),
        ("aws:s3/bucketV2:BucketV2", "backups", "odoo-retail-dev", True),
    ):
        made.resources[name] = Resource(name, token, name, parent, custom, {}, {})
    return made


def shown(thing: Any) -> str:
    console = Console(file=StringIO(), width=100)
    console.print(thing)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    return text


def test_the_tree_follows_parents_in_order(evaluation: Evaluation) -> None:
    (root,) = resource_tree(evaluation)
    assert [child.name for child in root.children] == ["shop", "backups"]
    assert root.total == 4
    assert root.as_data()["children"][0]["children"][1] == {
        "name": "two", "type": "Secret", "urn": "two", "total": 0, "children": []
    }  # fmt: skip


def test_leaves_of_one_type_share_a_line(evaluation: Evaluation) -> None:
    text = shown(render_tree(resource_tree(evaluation)))
    assert "Retailer shop 2" in text
    assert "Secret x2 one, two" in text


def test_counts_are_of_real_resources_only(evaluation: Evaluation) -> None:
    assert type_counts(evaluation) == {"Secret": 2, "aws s3 BucketV2": 1}
    assert "2 Secret" in shown(render_counts(type_counts(evaluation)))


@pytest.mark.parametrize(
    ("token", "short"),
    [
        ("kubernetes:apps/v1:Deployment", "Deployment"),
        ("kubernetes:traefik.io/v1alpha1:IngressRoute", "IngressRoute"),
        ("aws:ec2/vpc:Vpc", "aws ec2 Vpc"),
        ("aws:index/getThing:Thing", "aws index Thing"),
        ("retail:data:Redis", "Redis"),
        ("random:index/randomPassword:RandomPassword", "random index RandomPassword"),
        ("pulumi:pulumi:Stack", "pulumi Stack"),
        ("pulumi:providers:aws", "providers aws"),
    ],
)
def test_short_types(token: str, short: str) -> None:
    assert short_type(token) == short
