"""The form of an answer by the header `Accept`."""

import pytest

from app.api.preferences import preferred

OFFERED = ("application/json", "text/plain", "text/markdown")


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        ("", "application/json"),
        ("*/*", "application/json"),
        ("image/png", "application/json"),
        ("text/plain", "text/plain"),
        ("text/*", "text/plain"),
        ("Text/Markdown; charset=utf-8", "text/markdown"),
        ("text/plain;q=0.5, text/markdown", "text/markdown"),
        ("text/*, text/plain;q=0.1", "text/markdown"),
        ("text/markdown;q=0.2, */*;q=0.1", "text/markdown"),
        ("application/json;q=0, text/plain;q=nan, text/markdown ; q = 0.001", "text/markdown"),
        ("text/markdown;q=junk", "text/markdown"),
        ("," * 1000 + "text/plain", "application/json"),
        (";;;=,;q=,=", "application/json"),
    ],
)
def test_what_is_preferred(accept: str, media_type: str) -> None:
    assert preferred([accept], OFFERED) == media_type


def test_several_headers_are_one() -> None:
    assert preferred(["text/plain;q=0.5", "text/markdown"], OFFERED) == "text/markdown"
