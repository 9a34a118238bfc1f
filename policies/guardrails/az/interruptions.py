"""That Karpenter hears of it before EC2 takes a machine away."""

from collections.abc import Iterable, Iterator
from typing import Final

from guardrails import kinds
from guardrails.aws.grants import allowed, granted_to
from guardrails.aws.iam import statements
from guardrails.aws.providers import arn_of
from guardrails.graph import Graph
from guardrails.kubernetes.charts import chart_of
from guardrails.resource import Resource
from guardrails.rule import Severity, Violation, stack_rule

EVENTS: Final = {
    "EC2 Spot Instance Interruption Warning": "aws.ec2",
    "EC2 Instance State-change Notification": "aws.ec2",
    "AWS Health Event": "aws.health",
}
"""What Karpenter drains a node for, and where it comes from (its docs, concepts/disruption: Interruption). It only
notes rebalance recommendations, and capacity reservations are not rented here."""

SENDER: Final = "events.amazonaws.com"
READING: Final = ("sqs:GetQueueUrl", "sqs:ReceiveMessage", "sqs:DeleteMessage")


@stack_rule(
    "az-15",
    of=kinds.HELM_RELEASE,
    severity=Severity.HIGH,
    says="What EC2 announces of its machines reaches Karpenter: interrupted spot, maintenance, and machines that stop.",
    why="AWS gives two minutes' notice of a spot machine and days of maintenance. Karpenter drains a node and starts "
    "the next one in that time, if it is told; if not, the pods end with the machine, and all requests in them.",
    fix="settings.interruptionQueue, for each of the events an EventRule with an EventTarget to that queue, a "
    "QueuePolicy that lets events.amazonaws.com send, and a role for Karpenter that may receive and delete",
    scenario="EC2 takes back six spot machines at noon on Saturday, and jobs go on elsewhere.",
)
def interruptions_heard(release: Resource, graph: Graph) -> Iterable[Violation]:
    if chart_of(release) != "karpenter":
        return
    named = "values.settings.interruptionQueue"
    queue = next((each for each in graph.all(kinds.SQS_QUEUE) if graph.means(release, named, each)), None)
    if queue is None:
        yield Violation(release, "settings.interruptionQueue names no queue of this stack: it hears of nothing")
        return
    arn = arn_of(queue, "sqs", graph)
    targets = [each for each in graph.all(kinds.EVENT_TARGET) if _is_at(each, queue, arn, graph)]
    for event, source in EVENTS.items():
        rules = list(_rules(event, source, graph))
        if not any(graph.means(target, "rule", rule) for target in targets for rule in rules):
            yield Violation(queue, f"no EventRule that is on, with a target, brings it {event} of {source}")
    if not any(_lets_send(policy, arn) for policy in graph.users(queue, "queueUrl", kinds.SQS_QUEUE_POLICY)):
        yield Violation(queue, f"no QueuePolicy lets {SENDER} send")
    account = release.text("values.serviceAccount.name")
    said = granted_to(account, release.text("namespace"), graph)
    if missing := [action for action in READING if not allowed(said, action, arn)]:
        yield Violation(release, f"its role may not {', '.join(missing)}")


def _rules(event: str, source: str, graph: Graph) -> Iterator[Resource]:
    """EventRules that are seen to take all events of a kind."""
    for rule in (each for each in graph.all(kinds.EVENT_RULE) if each.known("eventPattern")):
        pattern = rule.document("eventPattern")
        wanted = {"detail-type": event, "source": source}
        on = rule.text("state", "ENABLED") != "DISABLED" and rule.flag("isEnabled", True)
        narrowed = pattern.entries().keys() - wanted.keys()
        if on and not narrowed and all(value in pattern.words(key) for key, value in wanted.items()):
            yield rule


def _is_at(target: Resource, queue: Resource, arn: str, graph: Graph) -> bool:
    """Whether a target is the queue: by its ARN, or made from it where that is not known yet."""
    return (
        target.text("arn", "") == arn if target.known("arn") else queue in graph.sources(target, "arn", kinds.SQS_QUEUE)
    )


def _lets_send(policy: Resource, arn: str) -> bool:
    said = [each for each in statements(policy.at("policy")) if not each.allows or SENDER in each.principals]
    return allowed(said, "sqs:SendMessage", arn)
