"""Reads the API's answers."""

from typing import Any


def codes(answer: Any) -> set[str]:
    """The codes of what a 422 says is wrong."""
    assert answer.status_code == 422, answer.text
    return {reason["type"] for reason in answer.json()["detail"]}


def reasons(answer: Any) -> set[tuple[str, str]]:
    """What is wrong, as pairs of a place, with dots between its parts, and a code."""
    return {(".".join(map(str, each["loc"])), each["type"]) for each in answer.json()["detail"]}
