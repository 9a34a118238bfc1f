"""The five programs of a control plane: their arguments, in the order in which they are started."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.controlplane.build import Binaries
from rehearsal.controlplane.endpoint import Endpoint
from rehearsal.controlplane.files import write_private
from rehearsal.controlplane.kubeconfig import kubeconfig
from rehearsal.controlplane.pki import CLIENTS, SERVICE_RANGE, Pki

# Each component's port on loopback, by name.
Ports = Mapping[str, int]

# Each group is started together once the one before is healthy.
GROUPS = (("etcd",), ("kube-apiserver",), ("kube-controller-manager", "kube-scheduler", "kwok"))
COMPONENTS = tuple(name for group in GROUPS for name in group)

# Nodes with this annotation are KWOK's; on any other node pods stay as they are.
NODE_ANNOTATION = ("kwok.x-k8s.io/node", "fake")

# Pods' addresses: the range EKS recommends for pods outside the VPC's own, and wide enough never to run over.
_POD_RANGE = "100.64.0.0/10"

# The defaults (20 to 50 requests/s) make a scheduler or controller that is alone with its API server the bottleneck.
_NO_THROTTLE = ("--kube-api-qps=5000", "--kube-api-burst=10000")

# With the operators' 51 CRDs the API server's resident memory is 422 MB by this, 574 MB by Go's default of 100, for the
# same CPU time; with 2,000 pods 744 MB and 888 MB, for a fifth more.
_SMALL_HEAP = {"GOGC": "50"}

# KWOK fills in its defaults only where no KwokConfiguration is given. The debugging handlers would let any local user
# ask for logs and shells.
_KWOK_OPTIONS = """\
apiVersion: config.kwok.x-k8s.io/v1alpha1
kind: KwokConfiguration
options:
  enableDebuggingHandlers: false
  enableProfilingHandler: false
  podPlayStageParallelism: 16
  nodePlayStageParallelism: 8
  nodeLeaseParallelism: 8
  podsOnNodeSyncParallelism: 8
---
"""


@dataclass(frozen=True)
class Component:
    """One program: how to start it, what its process depends on, and where to ask for its health."""

    argv: list[str]
    endpoint: Endpoint
    env: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[Path, ...] = ()
    before_start: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Blueprint:
    """Everything the components' arguments are made of."""

    plane: str
    folder: Path
    binaries: Binaries
    pki: Pki

    def write_kubeconfigs(self, ports: Ports) -> None:
        """Write all clients' kubeconfigs for the API server's port; those that stay the same are not touched."""
        for client in CLIENTS:
            content = kubeconfig(self.pki, self.plane, api_url(ports), client)
            write_private(client_kubeconfig(self.folder, client), content)

    def component(self, name: str, ports: Ports) -> Component:
        """The component of that name (one of COMPONENTS), on its port."""
        makers = {
            "etcd": self._etcd,
            "kube-apiserver": self._kube_apiserver,
            "kube-controller-manager": self._kube_controller_manager,
            "kube-scheduler": self._kube_scheduler,
            "kwok": self._kwok,
        }
        return makers[name](ports)

    def _etcd(self, ports: Ports) -> Component:
        url = f"https://127.0.0.1:{ports['etcd']}"
        peer = "https://127.0.0.1:2380"  # only a name: the one member there is listens on whatever port is free
        tls = [
            argument
            for kind in ("", "peer-")
            for argument in (
                f"--{kind}client-cert-auth",
                f"--{kind}trusted-ca-file={self.pki.certificate('etcd-ca')}",
                f"--{kind}cert-file={self.pki.certificate('etcd')}",
                f"--{kind}key-file={self.pki.key('etcd')}",
            )
        ]
        argv = [
            str(self.binaries["etcd"]),
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={url}",
            f"--advertise-client-urls={url}",
            "--listen-peer-urls=https://127.0.0.1:0",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            *tls,
            "--enable-grpc-gateway=false",
            "--log-level=warn",
            "--unsafe-no-fsync",  # survives the death of the process, not of the machine
        ]
        return Component(argv, self._endpoint(ports, "etcd", "/health", "etcd-ca", "etcd-client"))

    def _kube_apiserver(self, ports: Ports) -> Component:
        pki = self.pki
        argv = [
            str(self.binaries["kube-apiserver"]),
            f"--etcd-servers=https://127.0.0.1:{ports['etcd']}",
            f"--etcd-cafile={pki.certificate('etcd-ca')}",
            f"--etcd-certfile={pki.certificate('etcd-client')}",
            f"--etcd-keyfile={pki.key('etcd-client')}",
            f"--encryption-provider-config={pki.encryption_config}",
            "--bind-address=127.0.0.1",
            f"--secure-port={ports['kube-apiserver']}",
            f"--tls-cert-file={pki.certificate('kube-apiserver')}",
            f"--tls-private-key-file={pki.key('kube-apiserver')}",
            f"--client-ca-file={pki.certificate('ca')}",
            "--anonymous-auth=false",
            "--authorization-mode=Node,RBAC",
            # Endpoints may not be loopback addresses, and nothing in this cluster dials the kubernetes Service.
            "--advertise-address=127.0.0.1",
            "--endpoint-reconciler-type=none",
            f"--service-cluster-ip-range={SERVICE_RANGE}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki.folder / 'service-account.pub'}",
            f"--service-account-signing-key-file={pki.key('service-account')}",
            f"--requestheader-client-ca-file={pki.certificate('front-proxy-ca')}",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={pki.certificate('front-proxy-client')}",
            f"--proxy-client-key-file={pki.key('front-proxy-client')}",
            "--allow-privileged",  # as on EKS; Pod Security decides per namespace
            "--profiling=false",
        ]
        return Component(argv, self._endpoint(ports, "kube-apiserver", "/readyz", "ca", "admin"), env=_SMALL_HEAP)

    def _kube_controller_manager(self, ports: Ports) -> Component:
        argv = [
            str(self.binaries["kube-controller-manager"]),
            *self._client_flags("kube-controller-manager", ports),
            f"--cluster-name={self.plane}",
            "--use-service-account-credentials",
            f"--service-account-private-key-file={self.pki.key('service-account')}",
            f"--root-ca-file={self.pki.certificate('ca')}",
        ]
        return self._client("kube-controller-manager", argv, ports)

    def _kube_scheduler(self, ports: Ports) -> Component:
        argv = [str(self.binaries["kube-scheduler"]), *self._client_flags("kube-scheduler", ports)]
        return self._client("kube-scheduler", argv, ports)

    def _kwok(self, ports: Ports) -> Component:
        config = self.folder / "kwok.yaml"
        write_private(config, _KWOK_OPTIONS.encode() + self.binaries.kwok_stages.read_bytes())
        argv = [
            str(self.binaries["kwok"]),
            f"--kubeconfig={client_kubeconfig(self.folder, 'kwok')}",
            f"--config={config}",
            f"--manage-nodes-with-annotation-selector={'='.join(NODE_ANNOTATION)}",
            "--node-lease-duration-seconds=40",  # the kubelet's
            f"--cidr={_POD_RANGE}",
            f"--server-address=127.0.0.1:{ports['kwok']}",
            *self._serving_flags(),
        ]
        api = self.component("kube-apiserver", ports).endpoint
        return Component(
            argv,
            self._endpoint(ports, "kwok", "/healthz", "ca", "admin"),
            inputs=(client_kubeconfig(self.folder, "kwok"), config),
            # A KWOK that was killed still holds its nodes' leases, and the next one would wait for them to expire.
            before_start=lambda: api.delete("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"),
        )

    def _client_flags(self, name: str, ports: Ports) -> list[str]:
        config = client_kubeconfig(self.folder, name)
        return [
            f"--kubeconfig={config}",
            f"--authentication-kubeconfig={config}",
            f"--authorization-kubeconfig={config}",
            "--bind-address=127.0.0.1",
            f"--secure-port={ports[name]}",
            *self._serving_flags(),
            "--leader-elect=false",
            "--profiling=false",
            *_NO_THROTTLE,
        ]

    def _client(self, name: str, argv: list[str], ports: Ports) -> Component:
        endpoint = self._endpoint(ports, name, "/healthz", "ca", "admin")
        return Component(argv, endpoint, inputs=(client_kubeconfig(self.folder, name),))

    def _serving_flags(self) -> list[str]:
        pki = self.pki
        return [f"--tls-cert-file={pki.certificate('serving')}", f"--tls-private-key-file={pki.key('serving')}"]

    def _endpoint(self, ports: Ports, name: str, health: str, authority: str, client: str) -> Endpoint:
        pki = self.pki
        return Endpoint(ports[name], health, pki.certificate(authority), pki.certificate(client), pki.key(client))


def client_kubeconfig(folder: Path, client: str) -> Path:
    """The kubeconfig of a client (one of pki.CLIENTS) of the plane in `folder`; people find theirs at the top."""
    return folder / "kubeconfig" if client == "admin" else folder / "pki" / f"{client}.kubeconfig"


def api_url(ports: Ports) -> str:
    """The API server's address."""
    return f"https://127.0.0.1:{ports['kube-apiserver']}"
