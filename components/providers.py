"""The explicit providers of a stack: one aws provider an account; Pulumi.yaml forbids default ones."""

from dataclasses import dataclass

import pulumi_aws as aws
import pulumi_random as random

from retail.naming import Identity

BACKUP_ROLE = "odoo-retail-backup"
"""The role of the backup account that deployments assume. The account's owner creates it, once, outside this program:
who deploys a retailer must not be able to grant themselves power over its copies."""


@dataclass(frozen=True)
class Providers:
    """workload: the stack's account and region. backup: the backup account, in the recovery region."""

    workload: aws.Provider
    backup: aws.Provider
    random: random.Provider


def make_providers(identity: Identity, *, backup_account: str, recovery_region: str) -> Providers:
    """Providers that refuse any other account than theirs, and tag whatever can be tagged."""
    tags = aws.ProviderDefaultTagsArgs(tags=identity.tags)
    return Providers(
        workload=aws.Provider(
            "workload", region=identity.region, allowed_account_ids=[identity.account], default_tags=tags
        ),
        backup=aws.Provider(
            "backup",
            region=recovery_region,
            allowed_account_ids=[backup_account],
            assume_roles=[
                aws.ProviderAssumeRoleArgs(
                    role_arn=f"arn:aws:iam::{backup_account}:role/{BACKUP_ROLE}", session_name=identity.stack
                )
            ],
            default_tags=tags,
        ),
        random=random.Provider("random"),
    )
