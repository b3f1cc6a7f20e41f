"""A change as a row: as an item of a batch and back, and which cell a reason is about."""

from hypothesis import given
from hypothesis import strategies as st

from app.domain.change_row import ChangeRow, cell_of, row_of_item

CONTEXT = {"account_id": "team-a"}


def test_a_row_is_an_item_of_a_batch() -> None:
    row = ChangeRow(
        " Create ", " s.example.test ", "srv", "60", " a. \r\n\r\n b. ", "1", "2", "x", "Yes", " b "
    )
    assert row.as_item(CONTEXT, {"view": "inside"}) == {
        "action": "create",
        "context": CONTEXT,
        "resource": {
            "record_type": "SRV",
            "domain": "s.example.test",
            "view": "inside",
            "target": ["a.", "b."],
            "comment": "b",
            "config": {
                "ttl": 60,
                "priority": 1,
                "manage_ptr": True,
                "extra_config": {"weight": 2, "port": "x"},
            },
        },
    }


def test_what_is_not_said_is_left_out() -> None:
    assert ChangeRow(name="a", type="A").as_item({}, {}) == {
        "action": "upsert",
        "context": {},
        "resource": {"record_type": "A", "domain": "a"},
    }
    assert ChangeRow(action="delete").is_blank
    assert not ChangeRow(ttl="1").is_blank


def test_reasons_lead_to_cells() -> None:
    assert cell_of(("body", "resource", "target", 0)) == "value"
    assert cell_of(("resource", "config", "extra_config", "weight")) == "weight"
    assert cell_of(("resource", "config", "extra_config")) == "value"
    assert cell_of(("resource", "record_type")) == "type"
    assert cell_of(()) == "name"


words = st.text(st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), min_size=1, max_size=9)
texts = words.map(str.strip).filter(bool)
numbers = st.integers(0, 2**31).map(str)
rows = st.builds(
    ChangeRow,
    st.sampled_from(["create", "update", "upsert", "delete"]),
    texts,
    st.sampled_from(["A", "SRV", "TXT"]),
    numbers | st.just(""),
    st.lists(texts, max_size=3).map("\n".join),
    *[numbers | st.just("")] * 3,
    st.sampled_from(["", "yes", "no", "odd"]),
    texts | st.just(""),
)


@given(rows)
def test_a_row_comes_back_from_its_item(row: ChangeRow) -> None:
    assert row_of_item(row.as_item(CONTEXT, {}), row.action) == row


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["resource", "config", "extra_config", "target", "domain", "ttl", "port"]), inner
        )
    ),
)


@given(anything)
def test_a_row_is_made_of_whatever_is_kept(item: object) -> None:
    assert all(isinstance(cell, str) for cell in row_of_item(item, "create"))
