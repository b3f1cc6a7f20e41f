"""The order in which PTRs are changed when addresses change hands."""

from collections.abc import Iterable, Sequence

from hypothesis import given
from hypothesis import strategies as st

from app.domain.change import Action
from app.domain.errors import Reason
from app.domain.ptr import PtrStep, Standing, Wish
from app.domain.ptr_order import Asked, steps_in_order
from app.domain.reverse import Place

ZONE = "2.0.192.in-addr.arpa"
REFUSED = Reason((), "name_protected", "it is protected")


def place(number: int) -> Place:
    return Place(ZONE, f"{number}.{ZONE}")


def asked(by: int, name: str, number: int, *, keep: bool, run: int = 0) -> Asked:
    return Asked(by, Wish(f"192.0.2.{number}", keep), name, 300, place(number), run)


def moves(order: Iterable[int], targets: Sequence[int]) -> list[Asked]:
    """The host h0 leaves the address 0 for the first of the targets, and so on."""
    return [
        each
        for n in order
        if targets[n] != n
        for each in (asked(n, f"h{n}", n, keep=False), asked(n, f"h{n}", targets[n], keep=True))
    ]


def standing(*numbers: int) -> dict[Place, Standing]:
    return {place(n): Standing(f"h{n}.", 300) for n in numbers}


def served(known: dict[Place, Standing], steps: Iterable[tuple[Asked, PtrStep]]) -> dict[str, str | None]:
    """What a server has after these changes: it refuses what finds another state than it expects."""
    there = {spot.name: last.target for spot, last in known.items()}
    for _, step in steps:
        if (change := step.change) is None:
            continue
        now = there.get(change.place.name)
        assert (now is None) if change.action is Action.CREATE else ((now,) == change.expect.rdata)
        there.pop(change.place.name, None)
        if change.action is not Action.DELETE:
            there[change.place.name] = change.target
    return there


def all_allowed(_: Asked, step: PtrStep) -> PtrStep:
    return step


@given(st.permutations(range(6)), st.permutations(range(4)))
def test_each_name_has_its_own_in_the_end_in_any_order(targets: list[int], order: list[int]) -> None:
    """Four names, six addresses: circles, chains, and addresses that are free."""
    known = standing(*range(4))
    steps = [*steps_in_order(moves(order, targets), known, all_allowed)]
    assert not any(step.warnings for _, step in steps)
    assert served(known, steps) == {place(targets[n]).name: f"h{n}." for n in range(4)}


def test_what_nobody_gives_away_comes_last_with_a_warning() -> None:
    wanted = [asked(0, "a", 1, keep=True), asked(1, "b", 2, keep=True)]
    steps = [*steps_in_order(wanted, standing(1), all_allowed)]
    assert [(each.by, [warning.code for warning in step.warnings]) for each, step in steps] == [
        (1, []),
        (0, ["ptr_not_ours"]),
    ]


def test_the_first_to_wait_is_the_first_served() -> None:
    wanted = [*(asked(n, f"w{n}", 1, keep=True) for n in range(3)), asked(3, "h1", 1, keep=False)]
    steps = [*steps_in_order(wanted, standing(1), all_allowed)]
    assert [each.by for each, _ in steps] == [3, 0, 1, 2]
    assert [bool(step.warnings) for _, step in steps] == [False, False, True, True]


def test_who_gives_up_before_gets_none() -> None:
    wanted = [
        asked(0, "a", 1, keep=True),
        asked(1, "a", 1, keep=False),
        asked(2, "h1", 1, keep=False),
    ]
    steps = [*steps_in_order(wanted, standing(1), all_allowed)]
    assert [(each.by, bool(step.warnings)) for each, step in steps] == [(0, True), (1, True), (2, False)]


def test_nobody_waits_for_another_run() -> None:
    wanted = [asked(0, "a", 1, keep=True, run=1), asked(1, "h1", 1, keep=False, run=2)]
    steps = [*steps_in_order(wanted, standing(1), all_allowed)]
    assert [step.change.action for _, step in steps if step.change] == [Action.CREATE, Action.DELETE]
    assert [bool(step.warnings) for _, step in steps] == [True, False]


def test_what_is_refused_leaves_its_place_to_the_next() -> None:
    def judge(each: Asked, step: PtrStep) -> PtrStep | None:
        return PtrStep(step.address, warnings=[REFUSED]) if each.name == "w0" else step

    wanted = [*(asked(n, f"w{n}", 1, keep=True) for n in range(2)), asked(2, "h1", 1, keep=False)]
    steps = [*steps_in_order(wanted, standing(1), judge)]
    assert [(each.by, step.change is not None) for each, step in steps] == [(2, True), (0, False), (1, True)]
