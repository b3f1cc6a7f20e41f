"""Tries a playbook with a few changes, and judges each point of its contract (docs/playbooks.md)."""

import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event

from uuid_utils.compat import uuid7

from app.conformance import contract
from app.conformance.contract import Finding, TrialRun
from app.conformance.trial import Step, Trial, expected_after
from app.domain.change import RRsetKey
from app.domain.expectation import Expectation
from app.domain.server import Server
from app.nameservers.resolver import ask_all
from app.runner.protocol import Run, RunEvent, Runner

_ROUND_TIMEOUT = 3.0  # seconds for one round of questions
_ROUND_PAUSE = 0.2  # seconds between rounds
_NO_RRSET = Expectation(exact=frozenset())


@dataclass(frozen=True, slots=True)
class TrialSetup:
    """Which playbook is tried, and where; times are in seconds."""

    runner: Runner
    zone: str
    backend: str
    servers: Sequence[Server]  # those that must answer with what was asked for; none: no server is asked
    timeout: float = 120  # for one run
    answer_timeout: float = 10  # until every server must answer with what a run has changed
    on_event: Callable[[RunEvent], None] = field(default=lambda _: None)


@dataclass(frozen=True, slots=True)
class _Trials:
    """The runs of a trial, and what the servers answered after them that they should not."""

    check_mode: TrialRun
    changed_in_check_mode: Mapping[RRsetKey, str]
    batch: TrialRun
    wrong_answers: Mapping[RRsetKey, str]  # after the batch
    without_bad: TrialRun | None  # the batch without its bad change; None if the batch did all the others
    bad_alone: TrialRun


def check_playbook(setup: TrialSetup) -> list[Finding]:
    """Run the playbook over a few harmless changes below a random label, and remove them again."""
    with TemporaryDirectory(prefix="dns-check-") as folder:
        marker = Path(folder) / "executed"
        trial = Trial(setup.zone, f"playbook-check-{secrets.token_hex(4)}", str(marker))
        try:
            trials = _try(setup, trial)
        finally:
            cleanup = _run(setup, "deletes", trial.cleanup)
        leftovers = _wrong_answers(setup, expected_after(cleanup.steps))
        return [*_judge_runs(trials, cleanup), *_judge_answers(setup, trials, leftovers, marker.exists())]


def _try(setup: TrialSetup, trial: Trial) -> _Trials:
    check_mode = _run(setup, "check mode", [trial.check_mode], check=True)
    changed = _wrong_answers(setup, {trial.check_mode.change.key: _NO_RRSET})
    batch = _run(setup, "a batch with one bad change", trial.batch)
    wrong = _wrong_answers(setup, _expected_of(batch))
    without_bad = None
    if batch.undone:
        steps = [step for step in batch.steps if not step.is_bad]
        without_bad = _run(setup, "the same without the bad one", steps)
    bad_alone = _run(setup, "one bad change alone", [trial.bad])
    return _Trials(check_mode, changed, batch, wrong, without_bad, bad_alone)


def _judge_runs(trials: _Trials, cleanup: TrialRun) -> list[Finding]:
    good = trials.without_bad or trials.batch
    changing = [
        trials.batch,
        *([trials.without_bad] if trials.without_bad else []),
        trials.bad_alone,
        cleanup,
    ]
    return [
        contract.runs_end([trials.check_mode, *changing]),
        contract.exit_status(changing),
        contract.results_file(changing),
        contract.complete([good, trials.bad_alone, cleanup]),
        contract.outcomes([good, cleanup]),
        contract.bad_change([trials.batch, trials.bad_alone]),
        contract.neighbours(trials.batch, trials.without_bad),
    ]


def _judge_answers(
    setup: TrialSetup, trials: _Trials, leftovers: Mapping[RRsetKey, str], template_executed: bool
) -> list[Finding]:
    note = "" if setup.servers else "the DNS servers were not asked"
    texts = [wrong for key, wrong in trials.wrong_answers.items() if key.type == "TXT"]
    others = [wrong for key, wrong in trials.wrong_answers.items() if key.type != "TXT"]
    templates = ["a template that a requester wrote was executed"] if template_executed else []
    check_mode = trials.check_mode
    no_plan = "" if check_mode.result(check_mode.steps[0]) else "it reports no results in check mode"
    return [
        Finding("templates", [*templates, *texts], note),
        Finding("answers", others, note),
        Finding("check mode", list(trials.changed_in_check_mode.values()), note or no_plan),
        Finding("leftovers", list(leftovers.values()), note),
    ]


def _run(setup: TrialSetup, title: str, steps: Sequence[Step], *, check: bool = False) -> TrialRun:
    changes = [step.change for step in steps]
    run = Run(uuid7(), setup.zone, setup.backend, changes, setup.timeout, check)
    setup.on_event(RunEvent(f"--- {title}"))
    ended = setup.runner.run(run, setup.on_event, Event())
    return TrialRun(title, steps, ended.results, ended.rc, ended.why, ended.problems)


def _expected_of(batch: TrialRun) -> dict[RRsetKey, Expectation]:
    """Return what the servers must answer for those RRsets whose changes the playbook reports all as done."""
    undone = {step.change.key for step in batch.undone}
    return {key: wanted for key, wanted in expected_after(batch.steps).items() if key not in undone}


def _wrong_answers(setup: TrialSetup, wanted: Mapping[RRsetKey, Expectation]) -> dict[RRsetKey, str]:
    """Return what a server still answers otherwise than wanted when the time for that is over."""
    deadline = time.monotonic() + setup.answer_timeout
    while wrong := _ask(setup, wanted):
        if time.monotonic() > deadline:
            break
        time.sleep(_ROUND_PAUSE)
    return wrong


def _ask(setup: TrialSetup, wanted: Mapping[RRsetKey, Expectation]) -> dict[RRsetKey, str]:
    """Ask every server once; return the wrong answers, in words."""
    answered = ask_all(
        setup.servers,
        list(wanted),
        _ROUND_TIMEOUT,
        lambda key, answer: wanted[key].unmet(answer) is not None,
    )
    wrong: dict[RRsetKey, str] = {}
    for server, answers in answered.items():
        for key, expectation in wanted.items():
            difference = expectation.unmet(answers[key])
            if difference:
                wrong[key] = f"{server}: {key}: {difference}"
    return wrong
