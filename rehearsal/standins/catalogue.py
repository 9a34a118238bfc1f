"""All stand-ins of a control plane."""

from rehearsal.standins.certificates import Certificates
from rehearsal.standins.cnpg import CloudNativePG
from rehearsal.standins.cnpg_pooler import Poolers
from rehearsal.standins.external_secrets import ExternalSecrets
from rehearsal.standins.generated import Generator
from rehearsal.standins.karpenter import Karpenter
from rehearsal.standins.keda import Keda
from rehearsal.standins.load_balancer import LoadBalancer
from rehearsal.standins.stand_in import StandIn
from rehearsal.standins.storage import Storage
from rehearsal.standins.tls import Authority


def stand_ins(generator: Generator) -> list[StandIn]:
    authority = Authority()
    return [
        CloudNativePG(generator, authority),
        Poolers(),
        Karpenter(),
        Keda(),
        Storage(),
        LoadBalancer(),
        Certificates(authority),
        ExternalSecrets(generator),
    ]
