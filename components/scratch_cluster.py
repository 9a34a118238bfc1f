"""The PostgreSQL cluster that a restore drill brings up from the archive and takes down again."""

from dataclasses import dataclass
from typing import Any

from components.database_archive import PLUGIN
from components.database_pods import object_labels, pod_labels
from components.placement import Placement
from retail.naming import Identity, Pool
from retail.objectives import WorkloadClass
from retail.plan import DatabasePlan
from retail.versions import POSTGRESQL_IMAGE

API_VERSION = "postgresql.cnpg.io/v1"
TIER = "restored-database"
CPU_MILLIS, MEMORY_MIB = 1000, 4096
PLUGIN_CPU_MILLIS, PLUGIN_MEMORY_MIB = 100, 512
"""The barman-cloud sidecar, which fetches the backup."""


@dataclass(frozen=True, kw_only=True)
class ScratchCluster:
    """owner: whose job pool it runs on. server_name: whose history it reads. Its ServiceAccount and ObjectStore, in the
    drill's namespace, have its name.
    """

    identity: Identity
    plan: DatabasePlan
    owner: str
    storage_class: str
    server_name: str

    @property
    def name(self) -> str:
        return scratch_cluster_name(self.identity)

    def manifest(self) -> dict[str, Any]:
        """The Cluster that the drill creates; PostgreSQL's own settings come back with the backup where they matter.

        `max_connections` must be what the source has or more, or recovery stops (PostgreSQL, hot standby). A password
        for `postgres` is how the drill gets in: the passwords in the backup are the live database's.
        """
        identity = self.identity
        return {
            "apiVersion": API_VERSION,
            "kind": "Cluster",
            "metadata": {
                "name": self.name,
                "namespace": identity.drill_namespace,
                "labels": object_labels(identity, TIER, WorkloadClass.DEFERRABLE),
                "annotations": {"cnpg.io/skipWalArchiving": "enabled"},
            },
            "spec": {
                "imageName": POSTGRESQL_IMAGE,
                "instances": 1,
                "serviceAccountName": self.name,
                "enablePDB": False,
                "enableSuperuserAccess": True,
                "priorityClassName": str(WorkloadClass.DEFERRABLE),
                "inheritedMetadata": {"labels": pod_labels(identity, TIER, WorkloadClass.DEFERRABLE)},
                "affinity": Placement(Pool.JOBS, self.owner).pod_fields(),
                "resources": {
                    "requests": {"cpu": f"{CPU_MILLIS}m", "memory": f"{MEMORY_MIB}Mi"},
                    "limits": {"memory": f"{MEMORY_MIB}Mi"},
                },
                "storage": {"size": f"{self.storage_gib}Gi", "storageClass": self.storage_class},
                "postgresql": {
                    "parameters": {
                        "shared_buffers": "1GB",
                        "max_connections": str(self.plan.budget.max_connections),
                        # Without it commit times that come back would be thrown away at the first start.
                        "track_commit_timestamp": "on",
                        # The extensions are in the backup: without their libraries the operator would drop them, and
                        # pgaudit lets nobody drop it without its own.
                        "pg_stat_statements.track": "none",
                        "pgaudit.log": "none",
                    },
                    "pg_hba": ["hostssl all postgres all scram-sha-256", "host all all all reject"],
                },
                "bootstrap": {"recovery": {"source": "archive"}},
                "externalClusters": [
                    {
                        "name": "archive",
                        "plugin": {
                            "name": PLUGIN,
                            "parameters": {"barmanObjectName": self.name, "serverName": self.server_name},
                        },
                    }
                ],
            },
        }

    @property
    def storage_gib(self) -> int:
        """Data and WAL together: the scratch cluster has one volume."""
        return self.plan.storage_gib + self.plan.wal_storage_gib


def scratch_cluster_name(identity: Identity) -> str:
    return f"{identity.retailer}-drill"
