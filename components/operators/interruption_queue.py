"""What EC2 announces about nodes before it happens, on a queue that Karpenter reads."""

import json
from dataclasses import dataclass

import pulumi
from pulumi_aws import cloudwatch, sqs

from retail.naming import Identity

EVENTS = {
    "health": ("aws.health", "AWS Health Event"),
    "spot": ("aws.ec2", "EC2 Spot Instance Interruption Warning"),
    "rebalance": ("aws.ec2", "EC2 Instance Rebalance Recommendation"),
    "state": ("aws.ec2", "EC2 Instance State-change Notification"),
    "reservation": ("aws.ec2", "EC2 Capacity Reservation Instance Interruption Warning"),
}
"""Karpenter's own list (getting-started CloudFormation, 1.14)."""

RETENTION_SECONDS = 300
"""A warning older than that is about a node that is gone."""


@dataclass(frozen=True, kw_only=True)
class InterruptionQueueArgs:
    """identity: of the stack that owns the cluster. queue_name: physical name of queue and prefix of the rules'."""

    identity: Identity
    queue_name: str


class InterruptionQueue(pulumi.ComponentResource):
    """An encrypted SQS queue and the EventBridge rules that fill it: nodes are drained before they are taken.

    Example:
        InterruptionQueue("acme", InterruptionQueueArgs(identity=identity, queue_name="acme-production-interruptions"))
    """

    queue_name: pulumi.Output[str]

    def __init__(self, name: str, args: InterruptionQueueArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("retail:operators:InterruptionQueue", name, {"queueName": args.queue_name}, opts)
        child = pulumi.ResourceOptions(parent=self)
        queue = sqs.Queue(
            f"{name}-queue",
            name=args.queue_name,
            message_retention_seconds=RETENTION_SECONDS,
            sqs_managed_sse_enabled=True,
            opts=child,
        )
        sqs.QueuePolicy(
            f"{name}-queue",
            queue_url=queue.url,
            policy=_policy(queue_arn(args.identity, args.queue_name)),
            opts=child,
        )
        for event, (source, kind) in EVENTS.items():
            rule = cloudwatch.EventRule(
                f"{name}-{event}",
                name=f"{args.queue_name}-{event}",
                event_pattern=pulumi.Output.json_dumps({"source": [source], "detail-type": [kind]}),
                opts=child,
            )
            cloudwatch.EventTarget(f"{name}-{event}", rule=rule.name, arn=queue.arn, opts=child)
        self.queue_name = queue.name
        self.register_outputs({"queue_name": self.queue_name})


def queue_arn(identity: Identity, queue_name: str) -> str:
    """By name, so that the first preview shows every policy with it in full."""
    return f"arn:aws:sqs:{identity.region}:{identity.account}:{queue_name}"


def _policy(arn: str) -> str:
    """EventBridge may send, and nobody may anything without TLS."""
    sending = {
        "Effect": "Allow",
        "Principal": {"Service": ["events.amazonaws.com", "sqs.amazonaws.com"]},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    in_clear = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sqs:*",
        "Resource": arn,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [sending, in_clear]})
