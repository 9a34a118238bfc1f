"""Outputs of S3 buckets and of the resources that configure one, and of ElastiCache."""

from typing import Any, Final

from rehearsal.engine.aws_outputs.facts import Facts, short_region
from rehearsal.engine.aws_outputs.rules import Rule, Rules


def _bucket(facts: Facts) -> dict[str, Any]:
    suffix = facts.account.dns_suffix
    return {
        "id": facts.name,
        "arn": f"arn:{facts.account.partition}:s3:::{facts.name}",
        "bucketDomainName": f"{facts.name}.s3.{suffix}",
        "bucketRegionalDomainName": f"{facts.name}.s3.{facts.region}.{suffix}",
        "bucketRegion": facts.region,
        "hostedZoneId": f"Z{facts.capitals(13, 'zone')}",
        "websiteDomain": "",
        "websiteEndpoint": "",
    }


_CONFIGURATIONS: Final = (
    "bucketAccelerateConfiguration:BucketAccelerateConfiguration",
    "bucketAccelerateConfigurationV2:BucketAccelerateConfigurationV2",
    "bucketCorsConfiguration:BucketCorsConfiguration",
    "bucketCorsConfigurationV2:BucketCorsConfigurationV2",
    "bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "bucketLifecycleConfigurationV2:BucketLifecycleConfigurationV2",
    "bucketLogging:BucketLogging",
    "bucketLoggingV2:BucketLoggingV2",
    "bucketNotification:BucketNotification",
    "bucketObjectLockConfiguration:BucketObjectLockConfiguration",
    "bucketObjectLockConfigurationV2:BucketObjectLockConfigurationV2",
    "bucketOwnershipControls:BucketOwnershipControls",
    "bucketPolicy:BucketPolicy",
    "bucketPublicAccessBlock:BucketPublicAccessBlock",
    "bucketReplicationConfig:BucketReplicationConfig",
    "bucketRequestPaymentConfiguration:BucketRequestPaymentConfiguration",
    "bucketRequestPaymentConfigurationV2:BucketRequestPaymentConfigurationV2",
    "bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2",
    "bucketVersioning:BucketVersioning",
    "bucketVersioningV2:BucketVersioningV2",
)
"""One per bucket, with the bucket's name for an id."""

_NAMED_CONFIGURATIONS: Final = (
    "bucketIntelligentTieringConfiguration:BucketIntelligentTieringConfiguration",
    "bucketMetric:BucketMetric",
    "inventory:Inventory",
)
"""Several per bucket, told apart by name."""


def _replication_group(facts: Facts) -> dict[str, Any]:
    """Endpoints follow the three patterns of the service: cluster mode, TLS, plain."""
    name, token = facts.name, facts.hex(6, "endpoint")
    domain = f"{token}.{short_region(facts.region)}.cache.{facts.account.dns_suffix}"
    plain_domain = f"{token}.ng.0001.{short_region(facts.region)}.cache.{facts.account.dns_suffix}"
    sharded = facts.get("numNodeGroups", default=1) > 1 or facts.get("clusterMode") == "enabled"
    tls = facts.get("transitEncryptionEnabled", default=False)
    members = facts.get("numCacheClusters", default=1 + facts.get("replicasPerNodeGroup", default=0))
    return {
        "id": name,
        "arn": facts.arn("elasticache", f"replicationgroup:{name}"),
        "clusterEnabled": sharded,
        "configurationEndpointAddress": f"clustercfg.{name}.{domain}" if sharded else "",
        "primaryEndpointAddress": "" if sharded else f"master.{name}.{domain}" if tls else f"{name}.{plain_domain}",
        "readerEndpointAddress": "" if sharded else f"replica.{name}.{domain}" if tls else f"{name}-ro.{plain_domain}",
        "engineVersionActual": facts.get("engineVersion", default=""),
        "memberClusters": [f"{name}-{number:03}" for number in range(1, members + 1)],
        "numCacheClusters": members,
        "port": facts.get("port", default=6379),
    }


def _subnet_group(facts: Facts) -> dict[str, Any]:
    subnets = facts.get("subnetIds", default=[])
    return {
        "id": facts.name,
        "arn": facts.arn("elasticache", f"subnetgroup:{facts.name}"),
        "vpcId": facts.found(subnets[0], "vpcId", "") if subnets else "",
    }


def _user(facts: Facts) -> dict[str, Any]:
    identifier = facts.get("userId")
    return {"id": identifier, "arn": facts.arn("elasticache", f"user:{identifier}")}


def _user_group(facts: Facts) -> dict[str, Any]:
    identifier = facts.get("userGroupId")
    return {"id": identifier, "arn": facts.arn("elasticache", f"usergroup:{identifier}")}


RULES: Rules = {
    "aws:s3/bucket:Bucket": Rule(_bucket, named="bucket"),
    "aws:s3/bucketV2:BucketV2": Rule(_bucket, named="bucket"),
    **{f"aws:s3/{kind}": Rule(lambda facts: {"id": facts.get("bucket")}, tagged=False) for kind in _CONFIGURATIONS},
    **{
        f"aws:s3/{kind}": Rule(lambda facts: {"id": f"{facts.get('bucket')}:{facts.name}"}, named="name", tagged=False)
        for kind in _NAMED_CONFIGURATIONS
    },
    "aws:elasticache/replicationGroup:ReplicationGroup": Rule(_replication_group, named="replicationGroupId"),
    "aws:elasticache/subnetGroup:SubnetGroup": Rule(_subnet_group, named="name"),
    "aws:elasticache/parameterGroup:ParameterGroup": Rule(
        lambda facts: {"id": facts.name, "arn": facts.arn("elasticache", f"parametergroup:{facts.name}")}, named="name"
    ),
    "aws:elasticache/user:User": Rule(_user),
    "aws:elasticache/userGroup:UserGroup": Rule(_user_group),
}
