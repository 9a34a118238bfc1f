"""All CRDs of the rehearsal: the fetched ones and our own of CloudNativePG."""

import json
from pathlib import Path
from typing import Any, Final

from rehearsal.crds.fetch import fetched_crds
from rehearsal.crds.yaml_documents import crds_in
from rehearsal.progress import Progress, QuietProgress

CNPG_DIR: Final = Path(__file__).resolve().parent / "cnpg"


def crd_dir(progress: Progress | None = None) -> Path:
    """The folder of the CRDs that come from Go modules (JSON files), fetched now if this is the first time.

    CloudNativePG's are in CNPG_DIR; `load_crds` has both.
    """
    return fetched_crds(progress or QuietProgress())


def load_crds(progress: Progress | None = None) -> list[dict[str, Any]]:
    """Every CustomResourceDefinition, ready for the API server, by name."""
    fetched = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(crd_dir(progress).glob("*.json"))]
    return sorted([*fetched, *own_crds()], key=lambda crd: str(crd["metadata"]["name"]))


def own_crds() -> list[dict[str, Any]]:
    """CloudNativePG's kinds, as far as `cnpg/` describes them."""
    return [crd for file in sorted(CNPG_DIR.glob("*.yaml")) for crd in crds_in(file)]
