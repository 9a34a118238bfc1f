"""Names of the PostgreSQL roles."""

import re

from hypothesis import given
from hypothesis import strategies as st

from retail.database_roles import SLOTS, keda_role, login_role, owner_role, readonly_role
from retail.naming import Identity

long_names = st.from_regex(r"[a-z][a-z0-9]{2,80}", fullmatch=True)


def names(retailer: str, environment: str) -> list[str]:
    identity = Identity(
        retailer=retailer, environment=environment, stack=retailer, account="111122223333", region="eu-central-1"
    )
    logins = [login_role(identity, slot) for slot in SLOTS]
    return [owner_role(identity), *logins, readonly_role(identity), keda_role(identity)]


def test_a_role_is_named_after_the_database() -> None:
    assert names("acme", "production") == [
        "acme_production",
        "acme_production_a",
        "acme_production_b",
        "acme_production_readonly",
        "acme_production_keda",
    ]


@given(retailer=long_names, environment=long_names)
def test_names_are_whole_identifiers(retailer: str, environment: str) -> None:
    made = names(retailer, environment)
    assert len(set(made)) == len(made)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) and len(name) <= 63 for name in made)


def test_long_names_of_two_retailers_differ() -> None:
    same_head = "r" * 70
    first, second = names(same_head + "one", "production"), names(same_head + "two", "production")
    assert not set(first[1:]) & set(second[1:])
