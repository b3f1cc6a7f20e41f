"""Which requests share a run: fair between accounts, in order at each name, and each gets its turn."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple
from uuid import UUID, uuid4

from hypothesis import given
from hypothesis import strategies as st

from app.domain.precedence import LeftBehind
from app.services.drain.batch import first_batch
from app.services.drain.shares import in_rounds
from app.store.queue import Item
from tests.support.builders import change


class Asked(NamedTuple):
    """What an account asks for; those of the same group, one after the other, are all or none."""

    account: str
    owner: str
    record_type: str = "A"
    value: str = "192.0.2.1"
    lost_runs: int = 0
    group: int | None = None


def queue_of(*asked: Asked) -> list[Item]:
    """The requests as they stand in the queue."""
    groups: dict[int, UUID] = {}
    items = []
    for seq, each in enumerate(asked, 1):
        made = change("create", each.owner, each.record_type, each.value)
        if each.group is not None:
            made = replace(made, group=groups.setdefault(each.group, uuid4()))
        items.append(Item(made, seq, each.account, each.lost_runs, None, None, False, False))
    return items


def owners(items: Sequence[Item]) -> list[str]:
    return [f"{item.account_id}:{item.change.name.partition('.')[0]}" for item in items]


def runs(pending: Sequence[Item], limit: int) -> Iterator[Sequence[Item]]:
    """Yield what is in each run until nothing is left."""
    account = ""
    while pending:
        batch, account = first_batch(pending, limit, next_account=account)
        assert batch
        yield batch
        taken = {item.id for item in batch}
        pending = [item for item in pending if item.id not in taken]


def in_all_runs(limit: int, *asked: Asked) -> list[list[str]]:
    return [owners(batch) for batch in runs(queue_of(*asked), limit)]


MANY = [Asked("a", f"n{number}") for number in range(6)]


def test_one_account_alone_has_the_run() -> None:
    assert in_all_runs(4, *MANY) == [["a:n0", "a:n1", "a:n2", "a:n3"], ["a:n4", "a:n5"]]


def test_each_account_has_its_share() -> None:
    assert in_all_runs(4, *MANY, Asked("b", "x"), Asked("c", "y")) == [
        ["a:n0", "a:n1", "b:x", "c:y"],
        ["a:n2", "a:n3", "a:n4", "a:n5"],
    ]


def test_what_fits_into_one_run_is_one_run() -> None:
    assert len(in_all_runs(8, *MANY, Asked("b", "x"), Asked("c", "y"))) == 1


def test_runs_of_one_request_take_turns() -> None:
    others = [Asked("b", "x"), Asked("c", "y"), Asked("b", "z")]
    assert in_all_runs(1, *MANY[:3], *others) == [["a:n0"], ["b:x"], ["c:y"], ["a:n1"], ["b:z"], ["a:n2"]]


def test_a_name_keeps_its_order_and_its_account_waits_with_it() -> None:
    assert in_all_runs(3, *MANY[:5], Asked("b", "n4"), Asked("b", "x")) == [
        ["a:n0", "a:n1", "a:n2"],
        ["a:n3", "a:n4", "b:n4"],
        ["b:x"],
    ]


def test_what_points_to_a_name_comes_after_it() -> None:
    mail = Asked("b", "@", "MX", "10 n3.example.test.")
    first, *_ = runs(queue_of(*MANY, mail), 3)
    assert owners(first) == ["a:n0", "a:n1", "a:n2"]


def test_suspects_do_not_make_the_runs_of_others_small() -> None:
    suspects = [Asked("a", f"n{number}", lost_runs=4) for number in range(3)]
    others = [Asked("b", f"x{number}") for number in range(3)]
    assert in_all_runs(9, *suspects, *others) == [["a:n0"], ["b:x0", "b:x1", "b:x2"], ["a:n1"], ["a:n2"]]


def test_groups_are_whole() -> None:
    group = [Asked("b", f"x{number}", group=1) for number in range(3)]
    assert in_all_runs(3, *MANY[:4], *group) == [
        ["a:n0", "a:n1", "a:n2"],
        ["b:x0", "b:x1", "b:x2"],
        ["a:n3"],
    ]


def test_in_rounds() -> None:
    assert "".join(in_rounds(["adf", "", "be", "c"])) == "abcdef"[:3] + "def"


ASKED = st.builds(
    Asked,
    st.sampled_from("abcd"),
    st.sampled_from(["n", "m", "x.m", "y.x.m", "@"]),
    st.sampled_from(["A", "A", "TXT", "MX", "DNAME"]),
    lost_runs=st.sampled_from([0, 0, 0, 2, 3, 4]),
    group=st.none() | st.integers(0, 3),
)


def of_one_kind(asked: list[Asked]) -> list[Asked]:
    """Give each request a value that suits its type, and each group requests that stand together."""
    values = {"MX": "10 n.example.test.", "DNAME": "elsewhere.test.", "TXT": '"x"'}
    suited = [each._replace(value=values.get(each.record_type, each.value)) for each in asked]
    together = [list(group) for _, group in groupby(suited, key=lambda each: each.group)]
    return [
        each._replace(group=None if each.group is None else number, lost_runs=group[0].lost_runs)
        for number, group in enumerate(together)
        for each in group
    ]


QUEUES = st.lists(ASKED, min_size=1, max_size=25).map(of_one_kind)


@given(QUEUES, st.integers(1, 8))
def test_nothing_is_reordered_that_must_not_be_and_all_have_their_turn(
    asked: list[Asked], limit: int
) -> None:
    pending = queue_of(*asked)
    done: list[Item] = []
    for batch in runs(pending, limit):
        taken = {item.id for item in [*done, *batch]}
        left = LeftBehind()
        for item in pending:
            if item.id not in taken:
                left.add(item.change)
            elif item in batch:
                assert not left.hold(item.change)
        groups = Counter(item.change.group for item in batch if item.change.group)
        assert groups == Counter(item.change.group for item in pending if item.change.group in groups)
        assert len(batch) <= limit or len(groups) == 1
        assert [item.seq for item in batch] == sorted(item.seq for item in batch)
        done += batch
    assert len(done) == len(pending)
    for _, own in groupby(sorted(done, key=lambda item: item.account_id), key=lambda item: item.account_id):
        seqs = [item.seq for item in own]
        assert seqs == sorted(seqs)


@given(st.integers(1, 30), st.integers(0, 40), st.integers(1, 8))
def test_a_single_request_is_among_the_first(accounts: int, more: int, limit: int) -> None:
    """It is in the first run after it came; where more accounts wait than fit, when they had their turns."""
    crowd = [Asked("a", f"n{number}") for number in range(accounts + more)]
    singles = [Asked(f"b{number}", f"x{number}") for number in range(accounts)]
    served = [{item.account_id for item in batch} for batch in runs(queue_of(*crowd, *singles), limit)]
    turns = -(-(accounts + 1) // limit)
    assert set.union(*served[:turns]) == {"a", *(each.account for each in singles)}
