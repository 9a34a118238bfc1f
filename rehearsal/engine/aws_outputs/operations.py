"""Outputs of CloudWatch, EventBridge, SQS, SNS, Auto Scaling, Route 53 and Budgets."""

from typing import Any

from rehearsal.engine.aws_outputs.facts import Facts
from rehearsal.engine.aws_outputs.rules import Rule, Rules


def _log_group(facts: Facts) -> dict[str, Any]:
    return {"id": facts.name, "arn": facts.arn("logs", f"log-group:{facts.name}")}


def _alarm(facts: Facts) -> dict[str, Any]:
    return {"id": facts.name, "arn": facts.arn("cloudwatch", f"alarm:{facts.name}")}


def _dashboard(facts: Facts) -> dict[str, Any]:
    name = facts.get("dashboardName")
    return {"id": name, "dashboardArn": facts.arn("cloudwatch", f"dashboard/{name}", region=False)}


def _event_rule(facts: Facts) -> dict[str, Any]:
    bus = facts.get("eventBusName", default="default")
    path = facts.name if bus == "default" else f"{bus}/{facts.name}"
    return {"id": path, "arn": facts.arn("events", f"rule/{path}"), "eventBusName": bus}


def _event_target(facts: Facts) -> dict[str, Any]:
    target = facts.get("targetId", default=f"terraform-{facts.hex(26)}")
    return {"id": f"{facts.get('rule')}-{target}", "targetId": target}


def _queue(facts: Facts) -> dict[str, Any]:
    url = f"https://sqs.{facts.region}.{facts.account.dns_suffix}/{facts.account.id}/{facts.name}"
    return {"id": url, "url": url, "arn": facts.arn("sqs", facts.name)}


def _topic(facts: Facts) -> dict[str, Any]:
    arn = facts.arn("sns", facts.name)
    return {"id": arn, "arn": arn, "owner": facts.account.id, "beginningArchiveTime": ""}


def _topic_policy(facts: Facts) -> dict[str, Any]:
    return {"id": facts.get("arn"), "owner": facts.account.id}


def _subscription(facts: Facts) -> dict[str, Any]:
    """E-mail waits until somebody clicks; every other protocol is confirmed at once."""
    arn = f"{facts.get('topic')}:{facts.uuid()}"
    waits = str(facts.get("protocol")).startswith("email")
    return {
        "id": arn,
        "arn": arn,
        "ownerId": facts.account.id,
        "pendingConfirmation": waits,
        "confirmationWasAuthenticated": not waits,
    }


def _schedule(facts: Facts) -> dict[str, Any]:
    group, action = facts.get("autoscalingGroupName"), facts.get("scheduledActionName")
    path = f"{facts.uuid()}:autoScalingGroupName/{group}:scheduledActionName/{action}"
    return {"id": action, "arn": facts.arn("autoscaling", f"scheduledUpdateGroupAction:{path}")}


def _zone(facts: Facts) -> dict[str, Any]:
    identifier = f"Z{facts.capitals(20)}"
    first = int(facts.hex(3), 16) % 512
    servers = [
        f"ns-{first}.awsdns-{first // 8:02}.com",
        f"ns-{first + 512}.awsdns-{first // 8:02}.net",
        f"ns-{first + 1024}.awsdns-{first // 8:02}.org",
        f"ns-{first + 1536}.awsdns-{first // 8:02}.co.uk",
    ]
    return {
        "id": identifier,
        "zoneId": identifier,
        "arn": facts.arn("route53", f"hostedzone/{identifier}", region=False, account=False),
        "nameServers": servers,
        "primaryNameServer": servers[0],
    }


def _record(facts: Facts) -> dict[str, Any]:
    zone, name = facts.get("zoneId"), str(facts.get("name")).removesuffix(".")
    domain = str(facts.found(zone, "name", "")).removesuffix(".")
    complete = name == domain or name.endswith(f".{domain}") or not domain
    parts = [zone, name, facts.get("type"), facts.get("setIdentifier", default=None)]
    return {
        "id": "_".join(str(part) for part in parts if part is not None),
        "fqdn": name if complete else f"{name}.{domain}" if name else domain,
    }


def _health_check(facts: Facts) -> dict[str, Any]:
    identifier = facts.uuid()
    arn = facts.arn("route53", f"healthcheck/{identifier}", region=False, account=False)
    return {"id": identifier, "arn": arn}


def _budget(facts: Facts) -> dict[str, Any]:
    return {
        "id": f"{facts.account.id}:{facts.name}",
        "arn": facts.arn("budgets", f"budget/{facts.name}", region=False),
        "accountId": facts.get("accountId", default=facts.account.id),
    }


RULES: Rules = {
    "aws:cloudwatch/logGroup:LogGroup": Rule(_log_group, named="name"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": Rule(_alarm, named="name"),
    "aws:cloudwatch/dashboard:Dashboard": Rule(_dashboard, tagged=False),
    "aws:cloudwatch/eventRule:EventRule": Rule(_event_rule, named="name"),
    "aws:cloudwatch/eventTarget:EventTarget": Rule(_event_target, tagged=False),
    "aws:sqs/queue:Queue": Rule(_queue, named="name", fifo_flag="fifoQueue"),
    "aws:sqs/queuePolicy:QueuePolicy": Rule(lambda facts: {"id": facts.get("queueUrl")}, tagged=False),
    "aws:sns/topic:Topic": Rule(_topic, named="name", fifo_flag="fifoTopic"),
    "aws:sns/topicPolicy:TopicPolicy": Rule(_topic_policy, tagged=False),
    "aws:sns/topicSubscription:TopicSubscription": Rule(_subscription, tagged=False),
    "aws:autoscaling/schedule:Schedule": Rule(_schedule, tagged=False),
    "aws:route53/zone:Zone": Rule(_zone, regional=False),
    "aws:route53/record:Record": Rule(_record, tagged=False, regional=False),
    "aws:route53/healthCheck:HealthCheck": Rule(_health_check, regional=False),
    "aws:budgets/budget:Budget": Rule(_budget, named="name", regional=False),
}
