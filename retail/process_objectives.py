"""What a business process demands of recovery, and whether the stack's class gives it."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, Field

from retail.objectives import OBJECTIVES, Objectives


class ProcessObjectives(BaseModel):
    """RPO and RTO of one business process (`selling`, `goods-receipt`), in seconds, as the business decided them.

    The region's are optional: left out, any is good enough.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=lambda field: field.replace("_", "-"), populate_by_name=True
    )

    process: str = Field(min_length=1, max_length=40, pattern=r"^[a-z][a-z0-9-]*$", description="short name")
    rpo_seconds: int = Field(ge=0, description="data that may be lost with a primary or a zone")
    rto_seconds: int = Field(ge=0, description="until it works again after that")
    region_rpo_seconds: int | None = Field(None, ge=0, description="data that may be lost with a region")
    region_rto_seconds: int | None = Field(None, ge=0, description="until it works again in another region")

    def unmet_by(self, given: Objectives) -> Iterator[str]:
        """A sentence with both figures, and where the given one comes from, for each demand that is not met."""
        lost = "commits wait for a standby" if given.synchronous else "standbys follow without being waited for"
        if given.instances == 1:
            lost = f"one instance, so what its volume loses comes from backups, every {given.backup_interval_hours} h"
        region = f"WAL leaves the region every {given.archive_timeout_seconds} s, base backups every"
        demands = [
            ("RPO", self.rpo_seconds, given.rpo_seconds, lost),
            ("RTO", self.rto_seconds, given.rto_seconds, f"{given.instances} instance(s)"),
            (
                "region RPO",
                self.region_rpo_seconds,
                given.region_rpo_seconds,
                f"{region} {given.backup_interval_hours} h",
            ),
            ("region RTO", self.region_rto_seconds, given.region_rto_seconds, "a restore from the archive"),
        ]
        for name, demanded, offered, because in demands:
            if demanded is not None and demanded < offered:
                short = offered - demanded
                what = f"{self.process} demands {name} {demanded} s"
                yield f"{what}, which is {short} s less than {offered} s ({because})"


def classes_that_meet(demands: tuple[ProcessObjectives, ...]) -> list[str]:
    """The objective classes that give all of it, by name."""
    return [
        str(name)
        for name, given in OBJECTIVES.items()
        if not any(True for demand in demands for _ in demand.unmet_by(given))
    ]
