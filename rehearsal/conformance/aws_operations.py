"""Which AWS API call takes which property: Pulumi's resource types against botocore's operations. Data only.

Properties whose name is that of a member of one of the operations (case and underscores aside) need no entry. `members`
has the others, by property path (list indexes left out):

- `"Operation.Member"` for a property of the resource; a path below it where the provider flattens (`"Op.A.B"`);
- `"Member"` or `"A.B"` below another property: relative to the shape that property was matched with;
- `None`: the property is the provider's own or stands in the call in another form; counted as not checked.

Source of the calls: hashicorp/terraform-provider-aws, internal/service/<service>, which pulumi_aws is generated from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

SUFFIX_LENGTH: Final = 26
"""What the provider appends to a name prefix (terraform-plugin-sdk helper/id: a timestamp and a counter)."""


@dataclass(frozen=True)
class AwsType:
    """One resource type: botocore's name of the service, the operations its inputs go to, and the renamed members."""

    service: str
    operations: tuple[str, ...]
    members: Mapping[str, str | None] = field(default_factory=dict)


_TAG_SPECIFICATIONS: Final = "TagSpecifications.Tags"


def _ec2(operation: str, *more: str, **members: str | None) -> AwsType:
    return AwsType("ec2", (operation, *more), {"tags": f"{operation}.{_TAG_SPECIFICATIONS}"} | members)


_REPLICATION: Final = "PutBucketReplication.ReplicationConfiguration"

OPERATIONS: Final[Mapping[str, AwsType]] = {
    "aws:cloudwatch/eventRule:EventRule": AwsType("events", ("PutRule",)),
    "aws:cloudwatch/eventTarget:EventTarget": AwsType(
        "events", ("PutTargets",), {"arn": "PutTargets.Targets.Arn", "targetId": "PutTargets.Targets.Id"}
    ),
    "aws:cloudwatch/logGroup:LogGroup": AwsType(
        "logs",
        ("CreateLogGroup", "PutRetentionPolicy"),
        {"name": "CreateLogGroup.logGroupName", "skipDestroy": None},
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": AwsType(
        "ec2", ("DescribeSecurityGroups", "CreateTags"), {"vpcId": None}
    ),
    "aws:ec2/eip:Eip": _ec2("AllocateAddress"),
    "aws:ec2/flowLog:FlowLog": _ec2(
        "CreateFlowLogs", iamRoleArn="CreateFlowLogs.DeliverLogsPermissionArn", vpcId="CreateFlowLogs.ResourceIds"
    ),
    "aws:ec2/internetGateway:InternetGateway": _ec2("CreateInternetGateway", "AttachInternetGateway"),
    "aws:ec2/launchTemplate:LaunchTemplate": _ec2(
        "CreateLaunchTemplate",
        name="CreateLaunchTemplate.LaunchTemplateName",
        namePrefix="CreateLaunchTemplate.LaunchTemplateName",
        blockDeviceMappings="CreateLaunchTemplate.LaunchTemplateData.BlockDeviceMappings",
        metadataOptions="CreateLaunchTemplate.LaunchTemplateData.MetadataOptions",
        tagSpecifications="CreateLaunchTemplate.LaunchTemplateData.TagSpecifications",
        userData="CreateLaunchTemplate.LaunchTemplateData.UserData",
        imageId="CreateLaunchTemplate.LaunchTemplateData.ImageId",
        instanceType="CreateLaunchTemplate.LaunchTemplateData.InstanceType",
        ebsOptimized="CreateLaunchTemplate.LaunchTemplateData.EbsOptimized",
        monitoring="CreateLaunchTemplate.LaunchTemplateData.Monitoring",
        networkInterfaces="CreateLaunchTemplate.LaunchTemplateData.NetworkInterfaces",
        vpcSecurityGroupIds="CreateLaunchTemplate.LaunchTemplateData.SecurityGroupIds",
        updateDefaultVersion=None,
    ),
    "aws:ec2/natGateway:NatGateway": _ec2("CreateNatGateway"),
    "aws:ec2/routeTable:RouteTable": AwsType(
        "ec2",
        ("CreateRouteTable", "CreateRoute"),
        {
            "tags": f"CreateRouteTable.{_TAG_SPECIFICATIONS}",
            "routes": "CreateRoute",
            "routes.cidrBlock": "DestinationCidrBlock",
            "routes.ipv6CidrBlock": "DestinationIpv6CidrBlock",
        },
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": AwsType("ec2", ("AssociateRouteTable",)),
    "aws:ec2/securityGroup:SecurityGroup": _ec2("CreateSecurityGroup", name="CreateSecurityGroup.GroupName"),
    "aws:ec2/subnet:Subnet": _ec2(
        "CreateSubnet",
        mapPublicIpOnLaunch="ModifySubnetAttribute.MapPublicIpOnLaunch.Value",
    ),
    "aws:ec2/vpc:Vpc": _ec2(
        "CreateVpc",
        enableDnsHostnames="ModifyVpcAttribute.EnableDnsHostnames.Value",
        enableDnsSupport="ModifyVpcAttribute.EnableDnsSupport.Value",
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _ec2("CreateVpcEndpoint", policy="CreateVpcEndpoint.PolicyDocument"),
    "aws:eks/accessEntry:AccessEntry": AwsType("eks", ("CreateAccessEntry",)),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": AwsType("eks", ("AssociateAccessPolicy",)),
    "aws:eks/addon:Addon": AwsType(
        "eks",
        ("CreateAddon", "UpdateAddon"),
        {
            "resolveConflictsOnCreate": "CreateAddon.resolveConflicts",
            "resolveConflictsOnUpdate": "UpdateAddon.resolveConflicts",
            "preserve": None,
        },
    ),
    "aws:eks/cluster:Cluster": AwsType(
        "eks",
        ("CreateCluster",),
        {
            "vpcConfig": "CreateCluster.resourcesVpcConfig",
            "enabledClusterLogTypes": "CreateCluster.logging.clusterLogging.types",
        },
    ),
    "aws:eks/nodeGroup:NodeGroup": AwsType(
        "eks",
        ("CreateNodegroup",),
        {
            "nodeGroupName": "CreateNodegroup.nodegroupName",
            "nodeGroupNamePrefix": "CreateNodegroup.nodegroupName",
            "nodeRoleArn": "CreateNodegroup.nodeRole",
            "subnetIds": "CreateNodegroup.subnets",
        },
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": AwsType("eks", ("CreatePodIdentityAssociation",)),
    "aws:elasticache/parameterGroup:ParameterGroup": AwsType(
        "elasticache",
        ("CreateCacheParameterGroup", "ModifyCacheParameterGroup"),
        {
            "name": "CreateCacheParameterGroup.CacheParameterGroupName",
            "family": "CreateCacheParameterGroup.CacheParameterGroupFamily",
            "parameters": "ModifyCacheParameterGroup.ParameterNameValues",
            "parameters.name": "ParameterName",
            "parameters.value": "ParameterValue",
        },
    ),
    "aws:elasticache/replicationGroup:ReplicationGroup": AwsType(
        "elasticache",
        ("CreateReplicationGroup", "ModifyReplicationGroup"),
        {
            "description": "CreateReplicationGroup.ReplicationGroupDescription",
            "maintenanceWindow": "CreateReplicationGroup.PreferredMaintenanceWindow",
            "nodeType": "CreateReplicationGroup.CacheNodeType",
            "parameterGroupName": "CreateReplicationGroup.CacheParameterGroupName",
            "subnetGroupName": "CreateReplicationGroup.CacheSubnetGroupName",
        },
    ),
    "aws:elasticache/subnetGroup:SubnetGroup": AwsType(
        "elasticache",
        ("CreateCacheSubnetGroup",),
        {
            "name": "CreateCacheSubnetGroup.CacheSubnetGroupName",
            "description": "CreateCacheSubnetGroup.CacheSubnetGroupDescription",
        },
    ),
    "aws:iam/instanceProfile:InstanceProfile": AwsType(
        "iam",
        ("CreateInstanceProfile", "AddRoleToInstanceProfile"),
        {"name": "CreateInstanceProfile.InstanceProfileName", "role": "AddRoleToInstanceProfile.RoleName"},
    ),
    "aws:iam/role:Role": AwsType(
        "iam",
        ("CreateRole",),
        {
            "name": "CreateRole.RoleName",
            "namePrefix": "CreateRole.RoleName",
            "assumeRolePolicy": "CreateRole.AssumeRolePolicyDocument",
            "forceDetachPolicies": None,
        },
    ),
    "aws:iam/rolePolicy:RolePolicy": AwsType(
        "iam",
        ("PutRolePolicy",),
        {
            "name": "PutRolePolicy.PolicyName",
            "policy": "PutRolePolicy.PolicyDocument",
            "role": "PutRolePolicy.RoleName",
        },
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": AwsType(
        "iam", ("AttachRolePolicy",), {"role": "AttachRolePolicy.RoleName"}
    ),
    "aws:kms/alias:Alias": AwsType("kms", ("CreateAlias",), {"name": "CreateAlias.AliasName"}),
    "aws:kms/key:Key": AwsType(
        "kms",
        ("CreateKey", "EnableKeyRotation", "ScheduleKeyDeletion"),
        {
            "deletionWindowInDays": "ScheduleKeyDeletion.PendingWindowInDays",
            "enableKeyRotation": None,
            "isEnabled": None,
        },
    ),
    "aws:kms/replicaKey:ReplicaKey": AwsType(
        "kms",
        ("ReplicateKey", "ScheduleKeyDeletion"),
        {
            "deletionWindowInDays": "ScheduleKeyDeletion.PendingWindowInDays",
            "primaryKeyArn": "ReplicateKey.KeyId",
            "region": "ReplicateKey.ReplicaRegion",
        },
    ),
    "aws:s3/bucket:Bucket": AwsType(
        "s3",
        ("CreateBucket", "PutBucketTagging"),
        {
            "tags": "PutBucketTagging.Tagging.TagSet",
            "objectLockEnabled": "CreateBucket.ObjectLockEnabledForBucket",
            "forceDestroy": None,
        },
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": AwsType(
        "s3",
        ("PutBucketLifecycleConfiguration",),
        {"rules": "PutBucketLifecycleConfiguration.LifecycleConfiguration.Rules"},
    ),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": AwsType(
        "s3",
        ("PutObjectLockConfiguration",),
        {"rule": "PutObjectLockConfiguration.ObjectLockConfiguration.Rule"},
    ),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": AwsType(
        "s3",
        ("PutBucketOwnershipControls",),
        {"rule": "PutBucketOwnershipControls.OwnershipControls.Rules"},
    ),
    "aws:s3/bucketPolicy:BucketPolicy": AwsType("s3", ("PutBucketPolicy",)),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": AwsType(
        "s3",
        ("PutPublicAccessBlock",),
        {
            name: f"PutPublicAccessBlock.PublicAccessBlockConfiguration.{name[0].upper()}{name[1:]}"
            for name in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        },
    ),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": AwsType(
        "s3",
        ("PutBucketReplication",),
        {
            "role": f"{_REPLICATION}.Role",
            "rules": f"{_REPLICATION}.Rules",
            "rules.destination.replicaKmsKeyId": "EncryptionConfiguration.ReplicaKmsKeyID",
        },
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": AwsType(
        "s3",
        ("PutBucketEncryption",),
        {
            "rules": "PutBucketEncryption.ServerSideEncryptionConfiguration.Rules",
            "rules.applyServerSideEncryptionByDefault.kmsMasterKeyId": "KMSMasterKeyID",
        },
    ),
    "aws:s3/bucketVersioning:BucketVersioning": AwsType(
        "s3",
        ("PutBucketVersioning",),
        {"versioningConfiguration.mfaDelete": "MFADelete"},
    ),
    "aws:secretsmanager/secret:Secret": AwsType(
        "secretsmanager",
        ("CreateSecret", "DeleteSecret"),
        {"replicas": "CreateSecret.AddReplicaRegions"},
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": AwsType("secretsmanager", ("PutSecretValue",)),
    "aws:sqs/queue:Queue": AwsType(
        "sqs",
        ("CreateQueue",),
        {"name": "CreateQueue.QueueName", "messageRetentionSeconds": None, "sqsManagedSseEnabled": None},
    ),
    "aws:sqs/queuePolicy:QueuePolicy": AwsType("sqs", ("SetQueueAttributes",), {"policy": None}),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": AwsType(
        "ec2",
        ("AuthorizeSecurityGroupIngress",),
        {
            "tags": f"AuthorizeSecurityGroupIngress.{_TAG_SPECIFICATIONS}",
            "securityGroupId": "AuthorizeSecurityGroupIngress.GroupId",
            "description": "AuthorizeSecurityGroupIngress.IpPermissions.IpRanges.Description",
            "cidrIpv4": "AuthorizeSecurityGroupIngress.IpPermissions.IpRanges.CidrIp",
            "fromPort": "AuthorizeSecurityGroupIngress.IpPermissions.FromPort",
            "toPort": "AuthorizeSecurityGroupIngress.IpPermissions.ToPort",
            "ipProtocol": "AuthorizeSecurityGroupIngress.IpPermissions.IpProtocol",
            "referencedSecurityGroupId": "AuthorizeSecurityGroupIngress.IpPermissions.UserIdGroupPairs.GroupId",
        },
    ),
}
