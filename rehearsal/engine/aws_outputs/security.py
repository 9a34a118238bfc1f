"""Outputs of IAM, KMS, Secrets Manager and ACM."""

from typing import Any

from rehearsal.engine.aws_outputs.facts import CREATED, Facts
from rehearsal.engine.aws_outputs.rules import Rule, Rules


def _iam_arn(facts: Facts, noun: str) -> str:
    """Paths begin and end with a slash: `/` where none is given."""
    return facts.arn("iam", f"{noun}{facts.get('path', default='/')}{facts.name}", region=False)


def _role(facts: Facts) -> dict[str, Any]:
    return {
        "id": facts.name,
        "arn": _iam_arn(facts, "role"),
        "createDate": CREATED,
        "uniqueId": f"AROA{facts.capitals(17)}",
        "path": facts.get("path", default="/"),
        "maxSessionDuration": facts.get("maxSessionDuration", default=3600),
    }


def _policy(facts: Facts) -> dict[str, Any]:
    arn = _iam_arn(facts, "policy")
    return {"id": arn, "arn": arn, "attachmentCount": 0, "policyId": f"ANPA{facts.capitals(17)}"}


def _instance_profile(facts: Facts) -> dict[str, Any]:
    return {
        "id": facts.name,
        "arn": _iam_arn(facts, "instance-profile"),
        "createDate": CREATED,
        "uniqueId": f"AIPA{facts.capitals(17)}",
    }


def _key(facts: Facts) -> dict[str, Any]:
    identifier = f"mrk-{facts.hex(32)}" if facts.get("multiRegion", default=False) else facts.uuid()
    return {
        "id": identifier,
        "keyId": identifier,
        "arn": facts.arn("kms", f"key/{identifier}"),
        "keyUsage": facts.get("keyUsage", default="ENCRYPT_DECRYPT"),
    }


def _replica_key(facts: Facts) -> dict[str, Any]:
    """A replica has the id of its primary key, in its own region."""
    identifier = str(facts.get("primaryKeyArn")).rpartition("/")[2]
    return {
        "id": identifier,
        "keyId": identifier,
        "arn": facts.arn("kms", f"key/{identifier}"),
        "keyRotationEnabled": facts.found(identifier, "enableKeyRotation", False),
        "keySpec": "SYMMETRIC_DEFAULT",
        "keyUsage": "ENCRYPT_DECRYPT",
    }


def _alias(facts: Facts) -> dict[str, Any]:
    key = str(facts.get("targetKeyId"))
    return {
        "id": facts.name,
        "arn": facts.arn("kms", facts.name),
        "targetKeyArn": key if key.startswith("arn:") else facts.arn("kms", f"key/{key}"),
    }


def _secret(facts: Facts) -> dict[str, Any]:
    """The ARN ends in six characters that AWS draws, so that a secret made again has another ARN."""
    arn = facts.arn("secretsmanager", f"secret:{facts.name}-{facts.capitals(6).title()}")
    return {"id": arn, "arn": arn, "recoveryWindowInDays": facts.get("recoveryWindowInDays", default=30)}


def _secret_version(facts: Facts) -> dict[str, Any]:
    secret, version = facts.get("secretId"), facts.uuid()
    return {
        "id": f"{secret}|{version}",
        "arn": secret,
        "secretArn": secret,
        "versionId": version,
        "versionStages": facts.get("versionStages", default=["AWSCURRENT"]),
        "hasSecretStringWo": False,
    }


def _certificate(facts: Facts) -> dict[str, Any]:
    arn = facts.arn("acm", f"certificate/{facts.uuid()}")
    domain = facts.get("domainName")
    alternatives = facts.get("subjectAlternativeNames", default=[])
    return {
        "id": arn,
        "arn": arn,
        "domainValidationOptions": [_validation(facts, name) for name in dict.fromkeys([domain, *alternatives])],
        "status": "PENDING_VALIDATION" if facts.get("validationMethod") == "DNS" else "ISSUED",
        "type": "AMAZON_ISSUED",
        "notBefore": CREATED,
        "notAfter": "",
        "pendingRenewal": False,
        "renewalEligibility": "INELIGIBLE",
        "validationEmails": [],
        "keyAlgorithm": facts.get("keyAlgorithm", default="RSA_2048"),
    }


def _validation(facts: Facts, domain: str) -> dict[str, Any]:
    return {
        "domainName": domain,
        "resourceRecordName": f"_{facts.hex(32, domain)}.{str(domain).removeprefix('*.')}.",
        "resourceRecordType": "CNAME",
        "resourceRecordValue": f"_{facts.hex(32, f'{domain} value')}.acm-validations.aws.",
    }


RULES: Rules = {
    "aws:iam/role:Role": Rule(_role, named="name", regional=False),
    "aws:iam/rolePolicy:RolePolicy": Rule(
        lambda facts: {"id": f"{facts.get('role')}:{facts.name}"}, named="name", tagged=False, regional=False
    ),
    "aws:iam/policy:Policy": Rule(_policy, named="name", regional=False),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Rule(
        lambda facts: {"id": f"{facts.get('role')}/{facts.get('policyArn')}"}, tagged=False, regional=False
    ),
    "aws:iam/instanceProfile:InstanceProfile": Rule(_instance_profile, named="name", regional=False),
    "aws:kms/key:Key": Rule(_key),
    "aws:kms/replicaKey:ReplicaKey": Rule(_replica_key),
    "aws:kms/alias:Alias": Rule(_alias, named="name", name_prefix="alias/", tagged=False),
    "aws:kms/keyPolicy:KeyPolicy": Rule(lambda facts: {"id": facts.get("keyId")}, tagged=False),
    "aws:secretsmanager/secret:Secret": Rule(_secret, named="name"),
    "aws:secretsmanager/secretVersion:SecretVersion": Rule(_secret_version, tagged=False),
    "aws:secretsmanager/secretRotation:SecretRotation": Rule(
        lambda facts: {"id": facts.get("secretId"), "rotationEnabled": True}, tagged=False
    ),
    "aws:secretsmanager/secretPolicy:SecretPolicy": Rule(lambda facts: {"id": facts.get("secretArn")}, tagged=False),
    "aws:acm/certificate:Certificate": Rule(_certificate),
    "aws:acm/certificateValidation:CertificateValidation": Rule(lambda _facts: {"id": CREATED}, tagged=False),
}
