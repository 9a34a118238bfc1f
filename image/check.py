"""Proof, at the end of the build, that the image is what components/odoo.py expects (README.md). Exit 1 where it isn't.

Runs as the image's user, with the series ("19.0") as its argument.
"""

import ast
import importlib.util
import os
import shutil
import sys
from pathlib import Path

USER, GROUP = 100, 101
COMMANDS = ("odoo", "tini", "python3", "click-odoo", "click-odoo-update")
LIBRARIES = ("odoo", "psycopg2", "redis", "s3fs", "fsspec", "slugify", "openupgradelib", "requests")

ADDONS = Path("/opt/addons")
OURS = (
    "session_redis",
    "session_redis_devices",
    "queue_job",
    "fs_attachment",
    "fs_attachment_s3",
    "fs_storage",
    "fs_storage_environment",
    "server_environment",
)
SERIES_FREE = ("session_redis_devices",)


def wrong(series: str, *, addons: Path, core: Path, modules: list[str]) -> list[str]:
    """What is missing or of another series; `core` is the folder of Odoo's own addons."""
    found = []
    for name in OURS:
        manifest = addons / name / "__manifest__.py"
        if not manifest.is_file():
            found.append(f"addon {name}: not in {addons}")
            continue
        version = ast.literal_eval(manifest.read_text()).get("version", "")
        if name not in SERIES_FREE and not version.startswith(f"{series}."):
            found.append(f"addon {name}: version {version} is not of {series}")
    homes = (addons, core)
    found += [
        f"RETAIL_MODULES: {name} is nowhere"
        for name in modules
        if not any((home / name / "__manifest__.py").is_file() for home in homes)
    ]
    found += [f"command {name}: not on PATH" for name in COMMANDS if shutil.which(name) is None]
    found += [f"library {name}: can't be imported" for name in LIBRARIES if importlib.util.find_spec(name) is None]
    return found


def main(series: str) -> None:
    spec = importlib.util.find_spec("odoo")
    places = list(spec.submodule_search_locations or []) if spec else []
    core = Path(places[0]) / "addons" if places else Path("/odoo-is-missing")
    modules = [name for name in os.environ.get("RETAIL_MODULES", "").split(",") if name]
    found = wrong(series, addons=ADDONS, core=core, modules=modules)
    if (os.getuid(), os.getgid()) != (USER, GROUP):
        found.append(f"user: {os.getuid()}:{os.getgid()} is not {USER}:{GROUP}")
    if found:
        sys.exit("\n".join(["this image would not run:", *(f"  - {each}" for each in found)]))


if __name__ == "__main__":
    main(sys.argv[1])
