"""Have atheris try a test of Hypothesis: it looks for inputs that reach code which none has reached before.

`python -m tests.support.coverage_guided FILE::TEST FOLDER SECONDS`, or an input that it has kept in place of
the seconds. The folder has what reached new code; an input that fails is kept for Hypothesis, too.
"""

import sys
from importlib import import_module
from pathlib import Path

import atheris

from tests.support.fuzzing import load_profile

TIMEOUT = 20  # seconds for one input
MEMORY = 2_048  # MB


def main(node: str, folder: str, seconds_or_input: str) -> None:
    """Try inputs."""
    load_profile("fuzz", same=False)
    path, _, name = node.partition("::")
    with atheris.instrument_imports(include=["app", "dns", "idna"]):
        module = import_module(path.removesuffix(".py").replace("/", "."))
    Path(folder, "corpus").mkdir(parents=True, exist_ok=True)
    limits = [f"-timeout={TIMEOUT}", f"-rss_limit_mb={MEMORY}", f"-artifact_prefix={folder}/"]
    what = (
        [f"-max_total_time={seconds_or_input}", f"{folder}/corpus"]
        if seconds_or_input.isdecimal()
        else [seconds_or_input]
    )
    atheris.Setup([sys.argv[0], *limits, *what], getattr(module, name).hypothesis.fuzz_one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
