import re
import string

from hypothesis import given
from hypothesis import strategies as st

from retail.naming import SLUG_LENGTH, SLUG_PATTERN, Identity, selector, shorten

slugs = st.from_regex(SLUG_PATTERN, fullmatch=True).filter(lambda slug: SLUG_LENGTH[0] <= len(slug) <= SLUG_LENGTH[1])
environments = st.sampled_from(["development", "test", "training", "staging", "production"])


def identity(retailer: str, environment: str) -> Identity:
    return Identity(retailer=retailer, environment=environment, stack="s", account="1" * 12, region="ap-southeast-4")


@given(text=st.text(string.ascii_lowercase + "-", min_size=1, max_size=200), limit=st.integers(12, 63))
def test_short_names_fit_and_long_ones_stay_distinct(text: str, limit: int) -> None:
    assert len(shorten(text, limit)) <= limit
    assert shorten(text + "x" * 80, limit) != shorten(text + "y" * 80, limit)


@given(retailer=slugs, environment=environments)
def test_names_are_what_kubernetes_aws_and_postgresql_take(retailer: str, environment: str) -> None:
    one = identity(retailer, environment)
    assert re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", one.namespace)
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,62}", one.database)
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", one.bucket("backups"))
    assert len(one.iam("websocket")) <= 64
    for value in one.labels("odoo").values():
        assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?", value)


@given(retailers=st.lists(slugs, min_size=2, max_size=2, unique=True), environment=environments)
def test_no_two_retailers_share_a_name(retailers: list[str], environment: str) -> None:
    one, other = (identity(retailer, environment) for retailer in retailers)
    assert one.namespace != other.namespace
    assert one.database != other.database
    assert one.bucket("backups") != other.bucket("backups")
    assert one.iam("storefront") != other.iam("storefront")
    assert not one.secret_path().startswith(other.secret_path())


def test_selectors_keep_to_labels_that_never_change() -> None:
    labels = identity("acme", "production").tier_labels("pos", "critical")
    assert selector(labels) == {
        "app.kubernetes.io/name": "odoo",
        "app.kubernetes.io/instance": "acme-pos",
        "retail/tenant": "acme",
    }
