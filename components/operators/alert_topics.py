"""Where alerts go: two SNS topics, of what wakes somebody and of what waits for the working day."""

import json
from dataclasses import dataclass
from typing import Any

import pulumi
from pulumi_aws import sns

from retail.naming import Identity

PAGES, TICKETS = "pages", "tickets"
SERVICE_ACCOUNT = "alertmanager"


@dataclass(frozen=True, kw_only=True)
class AlertTopicsArgs:
    """identity: of the stack that owns the cluster, whose Alertmanager publishes."""

    identity: Identity


class AlertTopics(pulumi.ComponentResource):
    """`<retailer>-<environment>-pages` and `-tickets`. Whoever is on call subscribes (a pager, a mail address);
    what is said there carries the tenant, so a platform's subscribers can filter by it.

    Topics, because Alertmanager's other receivers need a credential in its configuration; this one is a role. Messages
    are encrypted with AWS's own key for SNS, which publishers of the account may use without a grant.
    It gives up a dead man's switch: that Alertmanager itself is gone must be seen from outside the account.

    Example:
        AlertTopics("acme-alerts", AlertTopicsArgs(identity=identity))
    """

    arns: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: AlertTopicsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:operators:AlertTopics", name, {}, opts)
        self.arns = {}
        for purpose in (PAGES, TICKETS):
            topic = sns.Topic(
                f"{name}-{purpose}",
                name=args.identity.iam(purpose),
                kms_master_key_id="alias/aws/sns",
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.arns[purpose] = topic.arn
        self.register_outputs({"arns": self.arns})


def topic_arn(identity: Identity, purpose: str) -> str:
    return f"arn:aws:sns:{identity.region}:{identity.account}:{identity.iam(purpose)}"


def policy(identity: Identity) -> str:
    """Publish, to these two."""
    topics = [topic_arn(identity, purpose) for purpose in (PAGES, TICKETS)]
    statement = {"Effect": "Allow", "Action": "sns:Publish", "Resource": topics}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def alertmanager_config(identity: Identity) -> dict[str, Any]:
    """Alertmanager's configuration: by severity, one message for a tenant's alerts of one name; a page says what the
    ticket of the same name would."""

    def receiver(purpose: str) -> dict[str, Any]:
        topic = {"topic_arn": topic_arn(identity, purpose), "sigv4": {"region": identity.region}, "send_resolved": True}
        return {"name": purpose, "sns_configs": [topic]}

    return {
        "route": {
            "receiver": TICKETS,
            "group_by": ["tenant", "environment", "alertname"],
            "group_wait": "30s",
            "group_interval": "5m",
            "repeat_interval": "12h",
            "routes": [
                # The chart's own heartbeat, hints, and what they are muted by.
                {"receiver": "nobody", "matchers": ['severity !~ "critical|warning"']},
                {"receiver": PAGES, "matchers": ['severity = "critical"'], "repeat_interval": "1h"},
            ],
        },
        "inhibit_rules": [
            {
                "source_matchers": ['severity = "critical"'],
                "target_matchers": ['severity = "warning"'],
                "equal": ["tenant", "environment", "alertname", "tier"],
            }
        ],
        "receivers": [{"name": "nobody"}, receiver(PAGES), receiver(TICKETS)],
    }
