"""Whether who keeps data in a bucket may: a pod that AWS refuses goes on as if nothing were, until its disk is full."""

from collections.abc import Iterator

from guardrails.aws.buckets import Bucket
from guardrails.aws.grants import allowed, granted_to
from guardrails.graph import Graph


def refused(account: str, namespace: str, bucket: Bucket, folder: str, graph: Graph) -> Iterator[str]:
    """What a ServiceAccount needs to read and write in a folder of a bucket, and may not do.

    The key: GenerateDataKey for each object that is written, Decrypt for what is read and for uploads in parts.
    Deleting is not among it: without, more is kept than must be.
    """
    said = granted_to(account, namespace, graph)
    key = f"arn:aws:kms:{bucket.region}:{bucket.account}:key/x"
    needed = (
        ("s3:ListBucket", bucket.arn),
        ("s3:GetObject", f"{bucket.arn}/{folder}/x"),
        ("s3:PutObject", f"{bucket.arn}/{folder}/x"),
        ("kms:GenerateDataKey", key),
        ("kms:Decrypt", key),
    )
    return (action for action, arn in needed if not allowed(said, action, arn))
