"""How many inputs Hypothesis tries, and which: the same few in `make test`, always others in `make fuzz`."""

from hypothesis import HealthCheck, settings
from hypothesis.database import DirectoryBasedExampleDatabase

from stack.paths import ROOT
from tests.support.thoroughly import FUZZING, examples

FOLDER = ROOT / ".stack" / "fuzz"
INPUTS = FOLDER / "inputs"  # those that have failed, as Hypothesis keeps them: it tries them first


def load_profile(name: str, *, same: bool) -> None:
    """Have Hypothesis try inputs however slow the machine is; with `same` the same ones each time."""
    if FUZZING:
        settings.register_profile(
            "fuzz",
            max_examples=examples(25),
            deadline=None,
            database=DirectoryBasedExampleDatabase(INPUTS),
            print_blob=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        )
        settings.load_profile("fuzz")
        return
    settings.register_profile(
        name,
        max_examples=examples(30),
        deadline=None,
        derandomize=same,
        suppress_health_check=[HealthCheck.too_slow],
    )
    settings.load_profile(name)


def the_same(few: int) -> settings:
    """Return settings for so many examples, in `make test` the same ones each time."""
    return settings(max_examples=examples(few), derandomize=not FUZZING)
