"""Tries a playbook with a few changes, and judges each point of its contract.

The contract is in docs/reference/playbooks.md.
"""

import re
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
_FAILURE = re.compile(
    r"^\S+: (failed|unreachable)\b(?! \(ignored)|^(\[?ERROR|fatal:|the run could not start)"
)
_NO_RRSET = Expectation(exact=frozenset())


@dataclass(frozen=True, slots=True)
class TrialSetup:
    """Which playbook is tried, and where; times are in seconds."""

    runner: Runner
    zone: str
    backend: str
    servers: Sequence[Server]  # those that must answer with what was asked for; none: no server is asked
    honours: frozenset[str] = frozenset()  # conditions of changes that the playbook is said to honour
    timeout: float = 120  # for one run
    answer_timeout: float = 10  # until every server must answer with what a run has changed
    on_event: Callable[[RunEvent], None] = field(default=lambda _: None)
    on_progress: Callable[[str], None] = field(default=lambda _: None)  # what is tried now, in words


@dataclass(frozen=True, slots=True)
class _Trials:
    """The runs of a trial, and what the servers answered after them that they should not."""

    check_mode: TrialRun
    changed_in_check_mode: Mapping[RRsetKey, str]
    batch: TrialRun
    wrong_answers: Mapping[RRsetKey, str]  # after the batch
    without_bad: TrialRun | None  # the batch without its bad change; None if the batch did all the others
    bad_alone: TrialRun
    unexpected: TrialRun
    group: TrialRun


def check_playbook(setup: TrialSetup) -> list[Finding]:
    """Run the playbook over a few harmless changes below a random label, and remove them again."""
    with TemporaryDirectory(prefix="dns-check-") as folder:
        marker = Path(folder) / "executed"
        setup.on_progress("7 or 8 runs, and questions to the DNS servers after them")
        trial = Trial(setup.zone, f"playbook-check-{secrets.token_hex(4)}", str(marker))
        try:
            trials = _try(setup, trial)
        finally:
            cleanup = _run(setup, "deletes", trial.cleanup)
        leftovers = _wrong_answers(setup, expected_after(cleanup.steps))
        return [
            *_judge_runs(trials, cleanup, setup.honours),
            *_judge_answers(setup, trials, leftovers, marker.exists()),
        ]


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
    unexpected = _run(setup, "a change that expects what is not there", trial.unexpected)
    group = _run(setup, "a group of which one change is bad", trial.group)
    return _Trials(check_mode, changed, batch, wrong, without_bad, bad_alone, unexpected, group)


def _judge_runs(trials: _Trials, cleanup: TrialRun, honours: frozenset[str]) -> list[Finding]:
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
        contract.condition("expect", trials.unexpected, declared="expect" in honours),
        contract.condition("group", trials.group, declared="group" in honours),
    ]


def _judge_answers(
    setup: TrialSetup, trials: _Trials, leftovers: Mapping[RRsetKey, str], template_executed: bool
) -> list[Finding]:
    not_asked = "" if setup.servers else "the DNS servers were not asked"
    nothing_done = "" if any(map(trials.batch.did, trials.batch.steps)) else "no change was done"
    texts = [wrong for key, wrong in trials.wrong_answers.items() if key.type == "TXT"]
    others = [wrong for key, wrong in trials.wrong_answers.items() if key.type != "TXT"]
    templates = ["a template that a requester wrote was executed"] if template_executed else []
    has_text = any(step.change.type == "TXT" and trials.batch.did(step) for step in trials.batch.steps)
    not_written = "" if has_text else "the change with a template was not done"
    changed = list(trials.changed_in_check_mode.values())
    return [
        Finding("templates", [*templates, *texts], not_asked, not_written),
        Finding("answers", others, not_tried=not_asked or nothing_done),
        _judge_check_mode(trials.check_mode, changed, not_asked),
        Finding("leftovers", list(leftovers.values()), not_tried=not_asked or nothing_done),
    ]


def _judge_check_mode(run: TrialRun, changed: Sequence[str], not_asked: str) -> Finding:
    no_plan = "" if run.result(run.steps[0]) else "it reports no results in check mode"
    failed = run.because(run.why or f"exit status {run.rc}") if run.rc != 0 else ""
    return Finding("check mode", changed, no_plan, failed or not_asked)


def _run(setup: TrialSetup, title: str, steps: Sequence[Step], *, check: bool = False) -> TrialRun:
    changes = [step.change for step in steps]
    run = Run(uuid7(), setup.zone, setup.backend, changes, setup.timeout, check)
    said: list[str] = []

    def note(event: RunEvent) -> None:
        said.append(event.message)
        setup.on_event(event)

    setup.on_progress(f"run: {title}")
    ended = setup.runner.run(run, note, Event())
    reason = _reason(said) if ended.rc != 0 else ""
    return TrialRun(title, steps, ended.results, ended.rc, ended.why, ended.problems, reason)


def _reason(said: Sequence[str]) -> str:
    """Return the last line of a run's log in which Ansible, or the runner, says what failed."""
    return next((line for line in reversed(said) if _FAILURE.search(line)), "")


def _expected_of(batch: TrialRun) -> dict[RRsetKey, Expectation]:
    """Return what the servers must answer for those RRsets whose changes the playbook reports all as done."""
    undone = {step.change.key for step in batch.undone}
    return {key: wanted for key, wanted in expected_after(batch.steps).items() if key not in undone}


def _wrong_answers(setup: TrialSetup, wanted: Mapping[RRsetKey, Expectation]) -> dict[RRsetKey, str]:
    """Return what a server still answers otherwise than wanted when the time for that is over."""
    deadline = time.monotonic() + setup.answer_timeout
    if setup.servers:
        setup.on_progress("questions to the DNS servers")
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
