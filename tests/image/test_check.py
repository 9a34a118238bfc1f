"""The build's own proof: a folder that is right passes, and each thing that is missing is told."""

from pathlib import Path

import pytest

from image import check

SERIES = "19.0"


@pytest.fixture()
def addons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in (*check.OURS, "core/stock"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "__manifest__.py").write_text('# Licence\n{"name": "x", "version": "19.0.1.0.0"}\n')
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in check.COMMANDS:
        (tools / name).touch(0o755)
    monkeypatch.setenv("PATH", str(tools))
    monkeypatch.setattr(check, "LIBRARIES", ("json",))
    return tmp_path


def wrong(addons: Path, series: str = SERIES, modules: tuple[str, ...] = ("stock",)) -> list[str]:
    return check.wrong(series, addons=addons, core=addons / "core", modules=list(modules))


def test_an_image_that_is_right(addons: Path) -> None:
    assert wrong(addons) == []


def test_an_addon_of_another_series_is_told(addons: Path) -> None:
    found = wrong(addons, series="18.0")
    assert "addon queue_job: version 19.0.1.0.0 is not of 18.0" in found
    assert not [each for each in found if "session_redis_devices" in each]


@pytest.mark.parametrize("missing", ["session_redis", "fs_storage_environment"])
def test_a_missing_addon_is_told(addons: Path, missing: str) -> None:
    (addons / missing / "__manifest__.py").unlink()
    assert wrong(addons) == [f"addon {missing}: not in {addons}"]


def test_a_module_to_install_that_is_nowhere_is_told(addons: Path) -> None:
    assert wrong(addons, modules=("stock", "our_shop")) == ["RETAIL_MODULES: our_shop is nowhere"]


def test_missing_tools_and_libraries_are_told(addons: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (addons / "bin" / "tini").unlink()
    monkeypatch.setattr(check, "LIBRARIES", ("no_such_library",))
    assert wrong(addons) == ["command tini: not on PATH", "library no_such_library: can't be imported"]
