"""The drill as a process: reads its environment, runs it, tells the outcome in three ways.

Environment: DRILL_MANIFEST (file, the scratch Cluster as JSON), DRILL_TIMEOUT_SECONDS, DRILL_ALLOWED_AGE_SECONDS,
DRILL_DATABASE (empty: every database with Odoo in it), DRILL_BUCKET, DRILL_PREFIX and DRILL_SAMPLE (empty: no
attachments to look at), DRILL_JOB, DRILL_JOB_UID, DRILL_LINGER_SECONDS.

The report is one line of JSON on standard output, the container's termination message, which stays readable in the
pod's status, and metrics for Prometheus. Exit status: 0 proven, 1 not.
"""

import json
import os
import signal
import sys
from pathlib import Path

from .database import connect
from .drill import Drill, Expectations
from .filestore import Filestore
from .kubernetes_api import KubernetesApi
from .metrics import serve

TERMINATION_LOG = Path("/dev/termination-log")


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by SIGTERM"))  # so that the scratch cluster is removed
    manifest = json.loads(Path(os.environ["DRILL_MANIFEST"]).read_text())
    owner = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "name": os.environ["DRILL_JOB"],
        "uid": os.environ["DRILL_JOB_UID"],
    }
    # If all else fails, Kubernetes removes the scratch cluster with the job, and the job when its time to live is over.
    manifest["metadata"]["ownerReferences"] = [owner]
    bucket = os.environ["DRILL_BUCKET"]
    drill = Drill(
        api=KubernetesApi(manifest["metadata"]["namespace"]),
        manifest=manifest,
        connect=connect,
        filestore=Filestore(bucket, os.environ["DRILL_PREFIX"]) if bucket else None,
        expectations=Expectations(
            timeout_seconds=float(os.environ["DRILL_TIMEOUT_SECONDS"]),
            allowed_age_seconds=float(os.environ["DRILL_ALLOWED_AGE_SECONDS"]),
            database=os.environ["DRILL_DATABASE"],
            sample=int(os.environ["DRILL_SAMPLE"] or 0),
        ),
    )
    report = drill.run()
    text = json.dumps(report.as_data())
    print(text, flush=True)
    TERMINATION_LOG.write_text(text)
    serve(report, float(os.environ["DRILL_LINGER_SECONDS"]))
    return 0 if report.proven else 1


if __name__ == "__main__":
    sys.exit(main())
