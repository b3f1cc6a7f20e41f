"""Plans as text and as Markdown: whatever is in them, it stays in its cell."""

import html
import random
import re
from datetime import UTC, datetime
from uuid import UUID

import pytest

from app.api.plan_texts import MAX_VALUE, code, in_markdown, in_plain_text, visible
from app.schemas.plans import ChangeOut, PlannedOut, PlanOut, PlanResult, RRsetOut
from app.schemas.response import Reason, WarningOut

HOSTILE = [
    "a | b",
    "``` | `x` |",
    "\\| \\` \\\\",
    "line\nbreak\r\n\n# heading",
    "<script>alert(1)</script>",
    "<!-- <br> </code></td></table>",
    "[a link](http://example.net) ![](x)",
    "*a* _b_ ~c~ **d** @someone #1 &amp; &#124;",
    "\x1b[31mred\x07\x00\x7f\x85\u2028\u2029",
    "\u202eright to left\u2066\u200b",
    "`",
    "   ",
    "",
    "|",
    "\\",
    "ünï | cödé",
]
SPAN = re.compile(r"`[^`|\\\n\r]+`")
ELEMENT = re.compile(r"<code>(?:[A-Za-z0-9 ,-]|&#[0-9]+;)*</code>")


def plan_of(*results: PlanResult) -> PlanOut:
    return PlanOut(UUID(int=7), datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), False, None, list(results))


def changed(before: list[str], after: list[str], index: int = 0, **more: object) -> PlanResult:
    states = [RRsetOut(300, values) if values else None for values in (before, after)]
    change = ChangeOut("upsert", "example.test", "www.example.test", "A", *states)  # type: ignore[arg-type]
    forecast = PlannedOut("records", "applied", None, None)
    return PlanResult(index, 200, change, forecast, **more)  # type: ignore[arg-type]


def some_text(dice: random.Random) -> str:
    alphabet = "ab|`\\<>\n\r\t&#;*_[]()!~@ \x00\x1b\u202e\u2028é"
    return "".join(dice.choices(alphabet, k=dice.randint(0, 12)))


@pytest.mark.parametrize("text", [*HOSTILE, *(some_text(random.Random(seed)) for seed in range(200))])
def test_code_is_one_span_or_one_element_and_says_what_it_is_given(text: str) -> None:
    made = code(text)
    assert SPAN.fullmatch(made) or ELEMENT.fullmatch(made), made
    inner = made[1:-1] if made.startswith("`") else html.unescape(made[6:-7])
    assert inner == visible(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_somebody_wrote_makes_no_line_and_no_cell(text: str) -> None:
    reason = Reason(loc=["body", "resource", text], msg=text, type="rdata_invalid")
    plan = plan_of(
        changed([text], [text, text], warnings=[WarningOut("not_visible", text, ["body"])]),
        PlanResult(1, 422, errors=[reason]),
    )
    lines = in_markdown(plan).splitlines()
    assert [line.count("|") for line in lines[4:]] == [7] * 6  # two of the head, four of the items
    assert lines[0].startswith("**Plan ")
    assert lines[2] == "1 to apply, 1 refused, 1 warning, by the records."
    plain = in_plain_text(plan)
    assert len(plain.split("\n")) == 3 + 4 + 1
    assert all(character.isprintable() or character == "\n" for character in plain)


def test_a_plan_in_markdown() -> None:
    plan = plan_of(
        changed(["192.0.2.1"], ["192.0.2.1", "192.0.2.2"]),
        changed([], ["192.0.2.3"], 1, warnings=[WarningOut("not_visible", "no server shows it", [])]),
        changed(["192.0.2.4"], [], 2),
    )
    assert in_markdown(plan) == (
        "**Plan 00000000-0000-0000-0000-000000000007 of 3 changes, good until 2026-01-02 03:04:05 UTC**\n\n"
        "3 to apply, 1 warning, by the records.\n\n"
        "| # | action | name | type | before | → after |\n"
        "|--:|---|---|---|---|---|\n"
        "| 0 | upsert | `www.example.test` | A | `300 192.0.2.1` | `300 192.0.2.1`<br>`300 192.0.2.2` |\n"
        "| 1 | upsert | `www.example.test` | A | nothing | `300 192.0.2.3` |\n"
        "| | warning | | | `not_visible: no server shows it` | |\n"
        "| 2 | upsert | `www.example.test` | A | `300 192.0.2.4` | nothing |\n"
    )


def test_a_plan_in_plain_text() -> None:
    failing = changed(["192.0.2.1"], ["192.0.2.1"])
    failing.forecast = PlannedOut("servers", "failed", "cname_conflict", "nothing may be beside a CNAME")
    plan = plan_of(failing)
    plan.batch_id = UUID(int=8)
    assert in_plain_text(plan) == (
        "Plan 00000000-0000-0000-0000-000000000007 of 1 change: applied as batch"
        " 00000000-0000-0000-0000-000000000008\n"
        "1 would fail, by the servers.\n\n"
        "    0  upsert  www.example.test  A:  300 192.0.2.1  →  300 192.0.2.1\n"
        "       would fail cname_conflict: nothing may be beside a CNAME\n"
    )


def test_what_is_not_recorded_is_not_called_nothing() -> None:
    plan = plan_of(changed([], ["192.0.2.3"]))
    assert plan.results[0].change is not None
    plan.results[0].change.before_known = False
    line = "1 RRset is not recorded: where the servers have one, its change fails; ask_servers finds out."
    assert in_plain_text(plan).splitlines()[1:] == [
        "1 to apply, by the records.",
        line,
        "",
        "    0  upsert  www.example.test  A:  not recorded  →  300 192.0.2.3",
    ]
    markdown = in_markdown(plan).splitlines()
    assert markdown[3] == line
    assert markdown[-1] == "| 0 | upsert | `www.example.test` | A | not recorded | `300 192.0.2.3` |"


@pytest.mark.parametrize(("by", "way"), [("records", "plan with ask_servers"), ("servers", "plan again")])
def test_a_plan_that_can_not_be_applied_says_so(by: str, way: str) -> None:
    unknown = changed(["192.0.2.1"], ["192.0.2.3"])
    unknown.forecast = PlannedOut(by, "unknown", None, "no A is recorded")  # type: ignore[arg-type]
    plan = plan_of(unknown, changed([], ["192.0.2.3"], 1))
    plan.atomic, plan.applicable = True, False
    lines = in_plain_text(plan).splitlines()
    assert "can't be applied, kept until 2026-01-02" in lines[0]
    assert "all or nothing" not in lines[1]
    assert lines[2] == f"It can't be applied, since it is not known what is there: {way}."


def test_an_empty_plan_that_could_not_be_kept() -> None:
    plan = PlanOut(None, None, False, None, [])
    assert in_plain_text(plan) == "Plan of 0 changes; it could not be kept\nnothing to do.\n\n"


def test_long_values_are_cut() -> None:
    text = "x" * 64_000
    assert visible(text) == f"{'x' * MAX_VALUE}… (64000 characters)"
    assert len(in_markdown(plan_of(changed([text], [text] * 100)))) < 50_000


def test_names_are_shown_as_people_read_them_too() -> None:
    item = changed(["mail.xn--grn-ioa.test."], ["a.test."])
    assert item.change is not None
    assert item.change.before is not None
    item.change.domain_unicode = "müller.test"
    item.change.before.target_unicode = ["mail.grün.test."]
    assert in_plain_text(plan_of(item)).splitlines()[-1] == (
        "    0  upsert  www.example.test (müller.test)  A:"
        "  300 mail.xn--grn-ioa.test. (mail.grün.test.)  →  300 a.test."
    )
    assert in_markdown(plan_of(item)).splitlines()[-1] == (
        "| 0 | upsert | `www.example.test (müller.test)` | A"
        " | `300 mail.xn--grn-ioa.test. (mail.grün.test.)` | `300 a.test.` |"
    )
