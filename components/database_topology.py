"""A database over two regions, in CloudNativePG's distributed topology: one end leads, one follows its archive."""

from dataclasses import dataclass, replace
from typing import Any

from components.database_archive import PLUGIN, object_store_name
from retail.database_roles import owner_role
from retail.naming import Identity
from retail.versions import POSTGRESQL


@dataclass(frozen=True, kw_only=True)
class OtherRegion:
    """The database of the same retailer and environment in another region of the same account, running or not.

    leads: whether that one is the primary now; this one then follows it. origin: whether this one was built from that
    one's archive; it stays so for life. lineage: of that one (PostgresArgs.lineage).
    promotion_token: to take over from a primary that was demoted (its `status.demotionToken`), with leads=False in the
    same update; without it a takeover is a failover, and the other end must be built anew, with the next lineage.
    """

    region: str
    leads: bool = False
    origin: bool = False
    lineage: int = 1
    promotion_token: str = ""

    def mistakes(self, identity: Identity) -> list[str]:
        """Everything that CloudNativePG would refuse, or that would end one of the two histories."""
        found = []
        if self.region == identity.region:
            found.append(f"region must be another than {identity.region}")
        if self.lineage < 1:
            found.append(f"lineage counts from 1; given {self.lineage}")
        if self.promotion_token and self.leads:
            found.append("promotion_token is for the end that takes over: leads must be False with it")
        return found


def end_name(identity: Identity) -> str:
    """One end's name among `externalClusters`: the same on both ends, as is the ObjectStore's."""
    return object_store_name(identity)


def server_name(identity: Identity, lineage: int) -> str:
    """The archive's folder: of one region, one major version and one lineage, because none can go on in another's
    history."""
    return f"{end_name(identity)}-v{POSTGRESQL.split('.')[0]}-{lineage}"


def topology(identity: Identity, lineage: int, other: OtherRegion) -> dict[str, Any]:
    """`replica` and `externalClusters` of the Cluster. Both ends list the same, so that either can follow the other
    after one change of who leads; an archive that isn't there yet is not looked at before."""
    there = replace(identity, region=other.region)
    ends = sorted(
        [(end_name(identity), server_name(identity, lineage)), (end_name(there), server_name(there, other.lineage))]
    )
    token = {"promotionToken": other.promotion_token} if other.promotion_token else {}
    return {
        "replica": {
            "self": end_name(identity),
            "primary": end_name(there if other.leads else identity),
            "source": end_name(there),
            **token,
        },
        "externalClusters": [
            {"name": name, "plugin": {"name": PLUGIN, "parameters": {"barmanObjectName": name, "serverName": server}}}
            for name, server in ends
        ],
    }


def recovery(identity: Identity, other: OtherRegion) -> dict[str, Any]:
    """`bootstrap.recovery` of an end that is built from the other's archive: database and roles come with it; the names
    are for what the operator asks and sets once it leads."""
    return {
        "source": end_name(replace(identity, region=other.region)),
        "database": identity.database,
        "owner": owner_role(identity),
    }
