"""`python -m docs.generate` writes what pages have of the code; `make reference` runs it."""

from docs.generate.pages import DOCS, stale_pages
from stack.command import run


def main() -> int:
    """Write the pages that are not as the code has them."""
    for name, text in stale_pages().items():
        (DOCS / name).write_text(text)
        print(f"written: docs/{name}")
    return 0


run(main)
