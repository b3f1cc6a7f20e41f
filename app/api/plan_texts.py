"""Plans for people: as plain text, and as Markdown to paste into a merge request.

What requesters and servers wrote is shown as it is, and can be nothing else: neither a new line, nor another
cell, markup, a link or a mention.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from fastapi import Request, Response
from pydantic import TypeAdapter

from app.api.preferences import preferred
from app.schemas.plans import ChangeOut, LeftOut, PlannedOut, PlanOut, PlanResult, RollbackOut, RRsetOut

MAX_VALUE = 300  # characters of a value or a message; JSON has all of them
_JSON: TypeAdapter[RollbackOut | PlanOut] = TypeAdapter(RollbackOut | PlanOut)
_NOTHING = "nothing"
_NOT_RECORDED = "not recorded"  # and the servers were not asked, or did not say
_TABLE = "| # | action | name | type | before | → after |\n|--:|---|---|---|---|---|"
_MEDIA_TYPES = ("application/json", "text/plain", "text/markdown")  # the first unless another is asked for
_PUNCTUATION = re.compile("[^A-Za-z0-9 ,-]")


def plan_response(plan: PlanOut | RollbackOut, request: Request, status: int) -> Response:
    """Return the plan in the form that the client prefers."""
    media_type = preferred(request.headers.getlist("accept"), _MEDIA_TYPES)
    content: str | bytes
    if media_type == "text/markdown":
        content = in_markdown(plan)
    elif media_type == "text/plain":
        content = in_plain_text(plan)
    else:
        content = _JSON.dump_json(plan)
    return Response(content, status, {"Vary": "Accept"}, media_type)


def in_plain_text(plan: PlanOut) -> str:
    """Return the plan as plain text: a summary, and lines for each item."""
    lines = [_headline(plan), *_summary(plan), ""]
    for result in plan.results:
        lines.append(f"{result.index:>5}  {_change_in_text(result)}")
        lines += [f"       {kind} {visible(note)}" for kind, note in _notes(result)]
    for left in _left(plan):
        name = visible(_with_unicode(left.domain, left.domain_unicode))
        lines.append(
            f"       not taken back  {name}  {left.record_type}:  {left.code}: {visible(left.message)}"
        )
    return "\n".join(lines) + "\n"


def in_markdown(plan: PlanOut) -> str:
    """Return the plan as Markdown: a summary, and a table with a row for each item and each note about it."""
    lines = [f"**{_headline(plan)}**", "", *_summary(plan), "", _TABLE]
    for result in plan.results:
        lines.append(_row_of_change(result))
        lines += [f"| | {kind} | | | {code(note)} | |" for kind, note in _notes(result)]
    for left in _left(plan):
        why = code(f"{left.code}: {left.message}")
        name = code(_with_unicode(left.domain, left.domain_unicode))
        lines.append(f"| | not taken back | {name} | {left.record_type} | {why} | |")
    return "\n".join(lines) + "\n"


def visible(text: str) -> str:
    """Return the text on one line, of bounded length, with unprintable characters by their numbers."""
    shown = text if len(text) <= MAX_VALUE else f"{text[:MAX_VALUE]}… ({len(text)} characters)"
    return shown if shown.isprintable() else "".join(map(_visible_character, shown))


def code(text: str) -> str:
    """Return the text as code in a cell of a table.

    A code span takes everything but backticks and bars as it is. Where there are such, an element of HTML has
    it, with all punctuation by its numbers.
    """
    shown = visible(text)
    if shown.strip(" ") and not set("`|\\") & set(shown):
        return f"`{shown}`"
    return f"<code>{_PUNCTUATION.sub(lambda found: f'&#{ord(found[0])};', shown)}</code>"


def _visible_character(character: str) -> str:
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"


def _left(plan: PlanOut) -> Sequence[LeftOut]:
    """Return what a rollback leaves as it is."""
    return plan.not_taken_back if isinstance(plan, RollbackOut) else ()


def _headline(plan: PlanOut) -> str:
    number = len(plan.results)
    if not number and isinstance(plan, RollbackOut):
        return "Rollback with nothing to apply"
    items = "1 change" if number == 1 else f"{number} changes"
    if plan.plan_id is None or plan.expires_at is None:
        return f"Plan of {items}; it could not be kept"
    if plan.batch_id is not None:
        return f"Plan {plan.plan_id} of {items}: applied as batch {plan.batch_id}"
    good = "good" if plan.applicable else "can't be applied, kept"
    return f"Plan {plan.plan_id} of {items}, {good} until {plan.expires_at:%Y-%m-%d %H:%M:%S} UTC"


def _summary(plan: PlanOut) -> Iterator[str]:
    """Yield how many items there are of each kind, whether they are one group, and what is not known."""
    forecasts = [result.forecast for result in plan.results if result.forecast]
    found = Counter(_kind(forecast) for forecast in forecasts)
    found["refused"] = len(plan.results) - len(forecasts)
    warnings = sum(len(result.warnings or ()) for result in plan.results)
    found["warning" if warnings == 1 else "warnings"] = warnings
    counts = ", ".join(f"{number} {kind}" for kind, number in found.items() if number) or "nothing to do"
    asked = {forecast.by for forecast in forecasts}
    by = f", by the {' and the '.join(sorted(asked))}" if asked else ""
    by += ": no DNS server was asked" if "simulation" in asked else ""
    is_group = plan.atomic and plan.applicable and len(plan.results) > 1
    yield f"{counts}{by}{'; all or nothing' if is_group else ''}."
    yield from _unknown(plan)


def _unknown(plan: PlanOut) -> Iterator[str]:
    """Yield what can't be applied, or fails, because it is not known what the servers have."""
    unknown = [each.forecast for each in plan.results if each.forecast and each.forecast.outcome == "unknown"]
    if unknown:
        way = "plan with ask_servers" if any(each.by == "records" for each in unknown) else "plan again"
        yield f"It can't be applied, since it is not known what is there: {way}."
    elif missing := sum(each.change is not None and not each.change.before_known for each in plan.results):
        them = "1 RRset is" if missing == 1 else f"{missing} RRsets are"
        yield f"{them} not recorded: where the servers have one, its change fails; ask_servers finds out."


def _kind(forecast: PlannedOut) -> str:
    words = {"applied": "to apply", "would_be_sent": "to apply", "failed": "would fail"}
    return words.get(forecast.outcome, forecast.outcome)


def _notes(result: PlanResult) -> Iterator[tuple[str, str]]:
    """Yield what is to be said beneath a change: kind and words."""
    forecast = result.forecast
    if forecast and forecast.outcome in ("failed", "unknown", "unchanged"):
        code_of = f"{forecast.code}: " if forecast.code else ""
        yield _kind(forecast), f"{code_of}{forecast.message or ''}"
    for ptr in result.ptr or ():
        view = _in_view(ptr.view)
        yield "PTR", f"{ptr.action} {ptr.domain}{view} {_with_unicode(ptr.target, ptr.target_unicode)}"
    if result.review:
        yield "to be approved", result.review
    for warning in result.warnings or ():
        yield "warning", f"{warning.code}: {warning.message}"
    for reason in result.errors or ():
        yield "refused", f"{reason.type}: {reason.msg} ({'.'.join(map(str, reason.loc))})"


def _change_in_text(result: PlanResult) -> str:
    change = result.change
    if change is None:
        return "refused"
    before = _states(change.before) if change.before or change.before_known else [_NOT_RECORDED]
    after = _states(change.after)
    name = visible(_name_of(change))
    key = f"{change.action}  {name}  {change.record_type}"
    return f"{key}:  {', '.join(before)}  →  {', '.join(after)}"


def _name_of(change: ChangeOut) -> str:
    return _with_unicode(change.domain, change.domain_unicode) + _in_view(change.view)


def _in_view(view: str | None) -> str:
    return "" if view is None else f" in view {view}"


def _states(rrset: RRsetOut | None) -> Sequence[str]:
    if rrset is None:
        return [_NOTHING]
    ttl = "" if rrset.ttl is None else f"{rrset.ttl} "
    shown = map(_with_unicode, rrset.target, rrset.target_unicode or rrset.target)
    return [f"{ttl}{visible(value)}" for value in shown]


def _with_unicode(text: str, in_unicode: str | None) -> str:
    """Return the name or value as DNS has it, and as people read it where that is another text."""
    return text if in_unicode in (None, text) else f"{text} ({in_unicode})"


def _row_of_change(result: PlanResult) -> str:
    change = result.change
    if change is None:
        return f"| {result.index} | refused | | | | |"
    before = _cell(change.before) if change.before or change.before_known else _NOT_RECORDED
    after = _cell(change.after)
    name = code(_name_of(change))
    return f"| {result.index} | {change.action} | {name} | {change.record_type} | {before} | {after} |"


def _cell(rrset: RRsetOut | None) -> str:
    return _NOTHING if rrset is None else "<br>".join(map(code, _states(rrset)))
