import stat
from pathlib import Path

from rehearsal.standins.generated import Generator


def test_a_planes_values_stay_and_its_seed_is_private(tmp_path: Path) -> None:
    first, again = (Generator.of_plane(tmp_path).password("x", "y") for _ in range(2))
    assert first == again
    (seed,) = tmp_path.iterdir()
    assert stat.S_IMODE(seed.stat().st_mode) == 0o600
    assert first.encode() not in seed.read_bytes()


def test_purposes_do_not_run_into_each_other() -> None:
    generator = Generator(b"seed")
    assert generator.password("ab", "c") != generator.password("a", "bc")
