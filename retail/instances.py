"""The EC2 instance types that node pools may use: their size, and what of it pods can have.

Shared by sizing (how many nodes hold the tiers) and by the rehearsal (how large a stand-in node is), so that both speak
of the same machine.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class InstanceType:
    """One EC2 instance type. `memory_gib` is the hardware's."""

    name: str
    vcpus: int
    memory_gib: int
    arch: str = "amd64"

    @property
    def max_pods(self) -> int:
        """What the VPC CNI has addresses for with prefix delegation: EKS advises 110 below 30 vCPUs, else 250."""
        return 110 if self.vcpus < 30 else 250

    @property
    def allocatable_cpu_millis(self) -> int:
        """CPU left to pods, in millicores, after EKS's kube-reserved: 6 % of the first core, 1 % of the second,
        0.5 % of the third and fourth, 0.25 % of the rest (amazon-eks-ami, getCPUMillicoresToReserve).
        """
        reserved = 60 + (10 if self.vcpus > 1 else 0) + 5 * min(max(self.vcpus - 2, 0), 2)
        return self.vcpus * 1000 - int(reserved + 2.5 * max(self.vcpus - 4, 0))

    @property
    def allocatable_memory_mib(self) -> int:
        """Memory left to pods, in MiB, after 255 + 11 x max pods MiB of kube-reserved and 100 MiB for eviction
        (amazon-eks-ami), and 7.5 % that the hypervisor and the kernel take (Karpenter's `vmMemoryOverheadPercent`).
        """
        return int(self.memory_gib * 1024 * (1 - 0.075)) - (255 + 11 * self.max_pods) - 100


def _family(family: str, gib_per_vcpu: int, arch: str = "amd64") -> dict[str, InstanceType]:
    sizes = {"large": 2, "xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "16xlarge": 64}
    return {
        f"{family}.{size}": InstanceType(f"{family}.{size}", vcpus, vcpus * gib_per_vcpu, arch)
        for size, vcpus in sizes.items()
    }


INSTANCE_TYPES: dict[str, InstanceType] = {
    **_family("m7i", 4),
    **_family("r7i", 8),
    **_family("c7i", 2),
}
"""By name. M: general (web, system), R: memory (PostgreSQL), C: compute."""


def instance_type(name: str) -> InstanceType:
    """The instance type of that name. Raises KeyError, naming the known ones, for any other."""
    try:
        return INSTANCE_TYPES[name]
    except KeyError:
        raise KeyError(
            f"instance type {name!r} is not in the table; known: {', '.join(sorted(INSTANCE_TYPES))}"
        ) from None
