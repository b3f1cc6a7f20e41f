"""Try a playbook on a scratch zone, and say what of its contract it breaks (docs/playbooks.md)."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from uuid_utils.compat import uuid7

from app.conformance import contract
from app.conformance.contract import Finding, Ran
from app.conformance.trial import Step, Trial, left_by
from app.domain.change import RRsetKey
from app.domain.expectation import Answer, Expectation
from app.domain.server import Server
from app.nameservers.errors import ServerUnreachable
from app.nameservers.resolver import ask_all
from app.runner.protocol import Run, RunEvent, Runner

_ROUND = 3.0  # seconds for one round of questions
_PAUSE = 0.2  # seconds between rounds
_NOTHING = Expectation(exact=frozenset())


@dataclass(frozen=True, slots=True)
class Bench:
    """Where the playbook is tried; times are in seconds."""

    runner: Runner
    zone: str
    backend: str
    servers: Sequence[Server]  # which have to answer as asked; none: nobody is asked
    timeout: float = 120  # of one run
    patience: float = 10  # until every server must answer
    on_event: Callable[[RunEvent], None] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True)
class _Tried:
    """What was run, and what the servers answered wrongly after it."""

    dry: Ran
    changed_by_dry: Mapping[RRsetKey, str]
    batch: Ran
    wrong: Mapping[RRsetKey, str]
    good: Ran | None  # the batch again, without its bad change, if something in it was not done
    alone: Ran


def check_playbook(bench: Bench) -> list[Finding]:
    """Run the playbook over a few harmless changes below a random label, and remove them again."""
    with TemporaryDirectory(prefix="dns-check-") as folder:
        marker = Path(folder) / "executed"
        trial = Trial(bench.zone, f"playbook-check-{secrets.token_hex(4)}", str(marker))
        try:
            tried = _try(bench, trial)
        finally:
            clean = _run(bench, "deletes", trial.cleanup)
        left = _wrong_answers(bench, left_by(clean.steps))
        return [*_judge(tried, clean), *_judge_answers(bench, tried, left, marker.exists())]


def _try(bench: Bench, trial: Trial) -> _Tried:
    dry = _run(bench, "check mode", [trial.dry], check=True)
    changed = _wrong_answers(bench, {trial.dry.change.key: _NOTHING})
    batch = _run(bench, "a batch with one bad change", trial.batch)
    wrong = _wrong_answers(bench, _claimed(batch))
    good = None
    if batch.undone:
        steps = [step for step in batch.steps if not step.is_bad]
        good = _run(bench, "the same without the bad one", steps)
    return _Tried(dry, changed, batch, wrong, good, _run(bench, "one bad change alone", [trial.bad]))


def _judge(tried: _Tried, clean: Ran) -> list[Finding]:
    good = tried.good or tried.batch
    runs = [tried.dry, tried.batch, *([tried.good] if tried.good else []), tried.alone, clean]
    changing = runs[1:]
    return [
        contract.runs_end(runs),
        contract.exit_status(changing),
        contract.results_file(changing),
        contract.complete([good, tried.alone, clean]),
        contract.outcomes([good, clean]),
        contract.bad_change([tried.batch, tried.alone]),
        contract.neighbours(tried.batch, tried.good),
    ]


def _judge_answers(
    bench: Bench, tried: _Tried, left: Mapping[RRsetKey, str], executed: bool
) -> list[Finding]:
    note = "" if bench.servers else "the DNS servers were not asked"
    texts = [wrong for key, wrong in tried.wrong.items() if key.type == "TXT"]
    others = [wrong for key, wrong in tried.wrong.items() if key.type != "TXT"]
    templates = ["a template that a requester wrote was executed"] if executed else []
    forecast = "" if tried.dry.result(tried.dry.steps[0]) else "it says nothing in check mode"
    return [
        Finding("templates", [*templates, *texts], note),
        Finding("answers", others, note),
        Finding("check mode", list(tried.changed_by_dry.values()), note or forecast),
        Finding("leftovers", list(left.values()), note),
    ]


def _run(bench: Bench, title: str, steps: Sequence[Step], *, check: bool = False) -> Ran:
    changes = [step.change for step in steps]
    run = Run(uuid7(), bench.zone, bench.backend, changes, bench.timeout, check)
    bench.on_event(RunEvent(f"--- {title}"))
    ended = bench.runner.run(run, bench.on_event, Event())
    return Ran(title, steps, ended.results, ended.rc, ended.why, ended.problems)


def _claimed(batch: Ran) -> dict[RRsetKey, Expectation]:
    """What has to be at the names where the playbook says that all is done."""
    spoilt = {step.change.key for step in batch.undone}
    return {key: wanted for key, wanted in left_by(batch.steps).items() if key not in spoilt}


def _wrong_answers(bench: Bench, wanted: Mapping[RRsetKey, Expectation]) -> dict[RRsetKey, str]:
    """What each server answers otherwise than wanted, after it has had its time."""
    until = time.monotonic() + bench.patience
    while wrong := _ask(bench, wanted):
        if time.monotonic() > until:
            break
        time.sleep(_PAUSE)
    return wrong


def _ask(bench: Bench, wanted: Mapping[RRsetKey, Expectation]) -> dict[RRsetKey, str]:
    said = ask_all(
        bench.servers, list(wanted), _ROUND, lambda key, answer: wanted[key].unmet(answer) is not None
    )
    wrong: dict[RRsetKey, str] = {}
    for server, answers in said.items():
        for key, expectation in wanted.items():
            complaint = _complaint(answers, key, expectation)
            if complaint:
                wrong[key] = f"{server}: {key}: {complaint}"
    return wrong


def _complaint(
    answers: Mapping[RRsetKey, Answer] | ServerUnreachable, key: RRsetKey, wanted: Expectation
) -> str | None:
    return answers.why if isinstance(answers, ServerUnreachable) else wanted.unmet(answers[key])
