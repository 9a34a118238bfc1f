"""Attachments in S3, compared with the checksums that the restored database has of them."""

import hashlib
from dataclasses import dataclass
from typing import Any

STORAGE_CODE = "filestore"
"""Of the storage in Odoo; an attachment's `store_fname` is `<code>://<path below the prefix>` (OCA fs_attachment)."""


@dataclass(frozen=True)
class Attachment:
    """A row of ir_attachment. checksum: SHA-1 of the content, in hexadecimal (Odoo's `_compute_checksum`)."""

    database: str
    number: int
    store_fname: str
    checksum: str


class Filestore:
    """The objects below one prefix of one bucket. `client`: botocore's S3 client; made on first use when left out."""

    def __init__(self, bucket: str, prefix: str, client: Any = None) -> None:
        self._bucket, self._prefix, self._client = bucket, prefix, client

    def failure(self, attachment: Attachment, *, before: float) -> str | None:
        """What is wrong with the attachment's object; None where it is there and unchanged.

        Odoo may have deleted it since the database was backed up. Then the version of that time must still be there,
        which is what a restore to that time would need: the newest one written before `before`.
        """
        key = f"{self._prefix}/{attachment.store_fname.partition('://')[2]}"
        name = f"{attachment.database}: attachment {attachment.number}"
        version = self._version(key, before)
        if version is None:
            return f"{name} has no object {key}"
        answer = self._s3().get_object(Bucket=self._bucket, Key=key, VersionId=version)
        digest = hashlib.sha1(usedforsecurity=False)
        for chunk in answer["Body"].iter_chunks():
            digest.update(chunk)
        if digest.hexdigest() != attachment.checksum:
            return f"{name} is not what the database says: {key} has another checksum"
        return None

    def _version(self, key: str, before: float) -> str | None:
        """The version of an object that was current then, or the oldest that there is after it.

        Attachments are written before the transaction that names them commits; the clocks of S3 and the database may
        differ by a little, so one that is a moment too young is taken as well.
        """
        answer = self._s3().list_object_versions(Bucket=self._bucket, Prefix=key)
        versions = sorted(
            (entry["LastModified"].timestamp(), entry["VersionId"])
            for entry in answer.get("Versions", [])
            if entry["Key"] == key
        )
        if not versions:
            return None
        written = [version for time, version in versions if time <= before]
        return str(written[-1] if written else versions[0][1])

    def _s3(self) -> Any:
        if self._client is None:
            # botocore comes with s3fs, which the filestore's module needs; its credentials are the pod's own.
            from botocore.session import Session

            self._client = Session().create_client("s3")
        return self._client
