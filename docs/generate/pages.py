"""Which parts of which pages are made of the code.

Such a part stands between `<!-- made of SOURCE by make reference -->` and `<!-- end -->`; what is around
them is written by hand.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from docs.generate import calls, commands, metrics, retries, settings

DOCS = Path(__file__).parents[1]
PART = re.compile(r"(<!-- made of (\S+) by make reference -->\n).*?(<!-- end -->\n)", re.DOTALL)
SOURCES: Mapping[str, Callable[[], str]] = {
    "app/core/config.py": settings.tables,
    "app/core/metrics.py": metrics.tables,
    "app/domain/retry_policy.py": retries.tables,
    "app/cli/": commands.of_the_operator,
    "client/src/": commands.of_the_client,
    "app/api/": calls.calls,
    "app/schemas/": calls.shapes,
}


def stale_pages() -> dict[str, str]:
    """Return what pages would be made of the code now, where that is not what they are."""
    stale = {}
    for path in sorted((DOCS / "reference").glob("*.md")):
        text = path.read_text()
        if (made := PART.sub(_remade, text)) != text:
            stale[str(path.relative_to(DOCS))] = made
    return stale


def _remade(part: re.Match[str]) -> str:
    begin, source, end = part.groups()
    return f"{begin}\n{SOURCES[source]().strip()}\n\n{end}"
