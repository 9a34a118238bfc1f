"""The kinds the stand-ins watch, and how much of each."""

from typing import Final, NamedTuple


class Kind(NamedTuple):
    """A kind to watch; `labels`, `fields` (selectors) and `namespace` narrow it down. `crd` is the name of its
    CustomResourceDefinition, "" for Kubernetes' own kinds.
    """

    api_version: str
    kind: str
    crd: str = ""
    labels: str = ""
    fields: str = ""
    namespace: str | None = None


STAND_IN_LABEL: Final = "retail/stand-in"
"""On everything a stand-in creates; its value is the stand-in's name."""

MODE_NAMESPACE: Final = "rehearsal-system"
MODE_NAME: Final = "rehearsal-mode"
SHIFTED_ZONE: Final = "shifted-zone"
"""Key of that ConfigMap: a zone that EKS' zonal shift is active for."""

CNPG: Final = "postgresql.cnpg.io/v1"

POD = Kind("v1", "Pod")
NODE = Kind("v1", "Node")
SERVICE = Kind("v1", "Service")
VOLUME = Kind("v1", "PersistentVolume")
CLAIM = Kind("v1", "PersistentVolumeClaim")
STORAGE_CLASS = Kind("storage.k8s.io/v1", "StorageClass")
DEPLOYMENT = Kind("apps/v1", "Deployment")
STATEFUL_SET = Kind("apps/v1", "StatefulSet")
DAEMON_SET = Kind("apps/v1", "DaemonSet")
MODE = Kind("v1", "ConfigMap", fields=f"metadata.name={MODE_NAME}", namespace=MODE_NAMESPACE)
# Of these only our own: Secrets of the program never come into this process.
SECRET = Kind("v1", "Secret", labels=STAND_IN_LABEL)
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", labels=STAND_IN_LABEL)
DISRUPTION_BUDGET = Kind("policy/v1", "PodDisruptionBudget", labels=STAND_IN_LABEL)

CLUSTER = Kind(CNPG, "Cluster", "clusters.postgresql.cnpg.io")
POOLER = Kind(CNPG, "Pooler", "poolers.postgresql.cnpg.io")
DATABASE = Kind(CNPG, "Database", "databases.postgresql.cnpg.io")
DATABASE_ROLE = Kind(CNPG, "DatabaseRole", "databaseroles.postgresql.cnpg.io")
NODE_POOL = Kind("karpenter.sh/v1", "NodePool", "nodepools.karpenter.sh")
NODE_CLASS = Kind("karpenter.k8s.aws/v1", "EC2NodeClass", "ec2nodeclasses.karpenter.k8s.aws")
SCALED_OBJECT = Kind("keda.sh/v1alpha1", "ScaledObject", "scaledobjects.keda.sh")
CERTIFICATE = Kind("cert-manager.io/v1", "Certificate", "certificates.cert-manager.io")
ISSUER = Kind("cert-manager.io/v1", "Issuer", "issuers.cert-manager.io")
CLUSTER_ISSUER = Kind("cert-manager.io/v1", "ClusterIssuer", "clusterissuers.cert-manager.io")
EXTERNAL_SECRET = Kind("external-secrets.io/v1", "ExternalSecret", "externalsecrets.external-secrets.io")
SECRET_STORE = Kind("external-secrets.io/v1", "SecretStore", "secretstores.external-secrets.io")
CLUSTER_SECRET_STORE = Kind("external-secrets.io/v1", "ClusterSecretStore", "clustersecretstores.external-secrets.io")
