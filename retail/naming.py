"""Names, labels and tags: the only place where they are made.

Everything is computed from a stack's identity and a role, so that any part of the program (and any person with
kubectl) can compute the name of any other part without a reference to it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

LABEL_TENANT = "retail/tenant"
LABEL_ENVIRONMENT = "retail/environment"
LABEL_TIER = "retail/tier"
LABEL_CLASS = "retail/class"
LABEL_EDGE = "retail/edge"
LABEL_POOL = "retail/pool"

ANNOTATION_OWNER, ANNOTATION_REVIEW_DUE = "retail/owner", "retail/review-due"

PLATFORM_TEAM, BREAK_GLASS, APPLICATION_TEAM = "platform-team", "break-glass", "application-team"
"""Kubernetes groups (EKS access entries hand them out; an application team's begins with its namespace), and the names
of the ClusterRoles of the same."""

APPROVERS, APPROVER = "approvers", "approver"
"""The group of those who approve changes in a freeze, and its ClusterRole."""

CHANGE_CONTROL = "change-control"
"""The namespace that freezes are switched in: no team is let into it, so none can run as the switch."""

ANNOTATION_CEILING = "retail/replica-ceiling"
"""Of Deployments and ScaledObjects of Odoo: pods that the connection budget was computed with."""

TAINT_POOL = "retail/pool"
"""Taint key of every pool that is not for everybody; its value is the pool's name."""

POSTGRES_NODE_LABEL = "node-role.kubernetes.io/postgres"
"""CloudNativePG's documented label and taint for dedicated database nodes (its architecture guide)."""

SLUG_PATTERN = r"^[a-z](-?[a-z0-9])+$"
SLUG_LENGTH = (3, 24)
"""A retailer's short name. The longest derived name (an IAM role, 64 characters) must still tell; no two hyphens in a
row, as ElastiCache refuses them."""

RESERVED_PREFIXES = ("pg-", "cnpg-")
"""Of roles that PostgreSQL and CloudNativePG keep for themselves; a retailer's role has its name."""

DNS_LABEL_LIMIT = 63
IAM_NAME_LIMIT = 64


class Pool(StrEnum):
    """The node pools. `system` and `data` are managed node groups, the others Karpenter NodePools."""

    SYSTEM = "system"
    DATA = "data"
    WEB = "web"
    JOBS = "jobs"
    INTEGRATION = "integration"


def shorten(name: str, limit: int = DNS_LABEL_LIMIT) -> str:
    """`name`, or its head and a hash of the whole where it is longer than `limit` characters: still unique."""
    if len(name) <= limit:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: limit - 9].rstrip('-')}-{digest}"


def selector(labels_of_pod: Mapping[str, str]) -> dict[str, str]:
    """The stable part of pod labels, for selectors, which Kubernetes never lets change."""
    stable = ("app.kubernetes.io/name", "app.kubernetes.io/instance", LABEL_TENANT)
    return {key: labels_of_pod[key] for key in stable}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who a stack is; every name, label and tag in it is computed from this.

    objective_class, expires (a day, or `never`): for tags alone. platform_team, review_due (a day, or empty): who
    answers for what is granted in the cluster, and by when it is to be looked at again.
    """

    retailer: str
    environment: str
    stack: str
    account: str
    region: str
    objective_class: str = "bronze"
    expires: str = "never"
    platform_team: str = "platform-team"
    review_due: str = ""

    @property
    def namespace(self) -> str:
        """The Kubernetes namespace of this retailer in this environment."""
        return shorten(f"{self.retailer}-{self.environment}")

    @property
    def drill_namespace(self) -> str:
        """Where its backups are restored to be looked at: away from what is alive."""
        return shorten(f"{self.namespace}-drill")

    @property
    def database(self) -> str:
        """The PostgreSQL database: one per retailer. Identifiers have no hyphens and at most 63 bytes."""
        return re.sub(r"[^a-z0-9]", "_", f"{self.retailer}_{self.environment}")[:63]

    @property
    def tags(self) -> dict[str, str]:
        """AWS tags for cost and ownership; the aws providers put them on every taggable resource."""
        return {
            "retailer": self.retailer,
            "environment": self.environment,
            "stack": self.stack,
            "class": self.objective_class,
            "expires": self.expires,
            "managed-by": "pulumi",
        }

    def review(self, owner: str | None = None) -> dict[str, str]:
        """Annotations of what grants rights: who answers for it (a team), and by when it is to be looked at again."""
        due = {ANNOTATION_REVIEW_DUE: self.review_due} if self.review_due else {}
        return {ANNOTATION_OWNER: owner or self.platform_team, **due}

    def labels(self, component: str) -> dict[str, str]:
        """The recommended Kubernetes labels and ours, for the metadata of objects and pods."""
        return {
            "app.kubernetes.io/name": component,
            "app.kubernetes.io/instance": f"{self.retailer}-{component}",
            "app.kubernetes.io/part-of": "odoo-retail",
            "app.kubernetes.io/managed-by": "pulumi",
            LABEL_TENANT: self.retailer,
            LABEL_ENVIRONMENT: self.environment,
        }

    def tier_labels(self, tier: str, workload_class: str) -> dict[str, str]:
        """Labels of an Odoo tier's objects and pods."""
        return {
            **self.labels("odoo"),
            "app.kubernetes.io/instance": f"{self.retailer}-{tier}",
            "app.kubernetes.io/component": tier,
            LABEL_TIER: tier,
            LABEL_CLASS: workload_class,
        }

    def bucket(self, purpose: str, *, account: str | None = None, region: str | None = None) -> str:
        """An S3 bucket's name: global in AWS, so account and region are in it."""
        return shorten(
            f"{self.retailer}-{self.environment}-{purpose}-{account or self.account}-{region or self.region}"
        )

    def secret_path(self, name: str = "") -> str:
        """A secret's name in Secrets Manager, or the prefix that this retailer's IAM policies are cut to."""
        return f"retail/{self.retailer}/{self.environment}/{name}"

    @property
    def application_team(self) -> str:
        """The Kubernetes group of this retailer's own team."""
        return f"{self.namespace}-{APPLICATION_TEAM}"

    def iam(self, role: str) -> str:
        """An IAM role's or policy's name."""
        return shorten(f"{self.retailer}-{self.environment}-{role}", IAM_NAME_LIMIT)

    def iam_arn(self, role: str) -> str:
        """The ARN of the role of that name: known before the role exists, so policies can name it without a cycle."""
        return f"arn:aws:iam::{self.account}:role/{self.iam(role)}"


def hosts(domain: str) -> dict[str, str]:
    """The public host names of a retailer: one for each route that scales and is limited on its own."""
    return {
        "storefront": f"shop.{domain}",
        "backoffice": f"erp.{domain}",
        "pos": f"pos.{domain}",
        "integration": f"api.{domain}",
    }
