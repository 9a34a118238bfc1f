"""The summary in Markdown: one row for each stack, and nothing in it that breaks a table."""

from rehearsal.check.finding import Finding, Severity, Where
from rehearsal.check.run import Report
from rehearsal.check.stack import Checked
from rehearsal.engine.model import Evaluation
from rehearsal.guardrails.clashes import Clash
from rehearsal.guardrails.markdown import MOST_ROWS, to_markdown
from rehearsal.guardrails.verdict import Verdict, Violation


def checked(stack: str, *violations: Violation, findings: tuple[Finding, ...] = ()) -> Checked:
    nothing = Evaluation("odoo-retail", stack, True, {}, frozenset(), {}, {}, {})
    return Checked(nothing, nothing, Report(stack, list(findings)), Verdict(stack, list(violations), 90, 500))


def broken(what: str = "2 instances", *, mandatory: bool = True) -> Violation:
    return Violation("az-03", "critical", mandatory, "Cluster shop/db", what, "make it 3", "urn")


def test_one_row_for_each_stack() -> None:
    page = to_markdown([checked("dev", broken(mandatory=False)), checked("peak", broken())], [])
    assert "| dev | passes | 0 | 1 | 0 | 500 |" in page
    assert "| peak | **refused** | 1 | 0 | 0 | 500 |" in page
    assert page.endswith("| az-03 | critical | Cluster shop/db | 2 instances | make it 3 |\n")


def test_what_is_wrong_with_objects_and_between_stacks_is_told_too() -> None:
    finding = Finding(Severity.ERROR, Where("Service", "shop", "web", "urn"), "spec.ports", "is empty")
    page = to_markdown([checked("dev", findings=(finding,))], [Clash("host", "shop.example", ("dev", "peak"))])
    assert "| object | error | Service shop/web | spec.ports is empty |" in page
    assert "host shop.example is claimed by dev and peak" in page


def test_no_text_leaves_its_cell() -> None:
    page = to_markdown([checked("dev", broken("a|b\n<img src=x> `c` *d*"))], [])
    assert "| a\\|b &lt;img src=x> \\`c\\` \\*d\\* |" in page


def test_a_long_list_says_how_much_is_left_out() -> None:
    page = to_markdown([checked("dev", *[broken(str(number)) for number in range(MOST_ROWS + 5)])], [])
    assert page.count("| az-03 |") == MOST_ROWS
    assert "5 more: `python -m rehearsal check dev`" in page
