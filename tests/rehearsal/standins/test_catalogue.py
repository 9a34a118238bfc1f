import ast
from pathlib import Path

import rehearsal.standins
from rehearsal.standins.catalogue import stand_ins
from rehearsal.standins.generated import Generator
from rehearsal.standins.report import STAND_INS


def test_every_stand_in_is_in_the_report_and_nothing_else() -> None:
    assert {stand_in.name for stand_in in stand_ins(Generator(b""))} == {row.name for row in STAND_INS}
    assert all(all(row) for row in STAND_INS)


def test_every_stand_in_says_what_it_stands_in_for_and_what_it_does_not_do() -> None:
    modules = {type(stand_in).__module__.rpartition(".")[2] for stand_in in stand_ins(Generator(b""))}
    folder = Path(rehearsal.standins.__path__[0])
    for module in modules:
        text = ast.get_docstring(ast.parse((folder / f"{module}.py").read_text())) or ""
        assert text.startswith("Stands in for"), module
        assert any(word in text for word in ("no ", "not ", "never ")), module
