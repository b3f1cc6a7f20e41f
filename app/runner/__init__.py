"""Runs: each applies one batch of changes to one zone, by Ansible or in the simulation."""

from pathlib import Path

from app.core.config import settings
from app.runner.ansible.runner import AnsibleRunner
from app.runner.process.fork_pool import ForkPool
from app.runner.protocol import Runner
from app.runner.simulated import SimulatedRunner


def make_runner() -> Runner:
    """Return the runner of the executor that the settings ask for."""
    if settings().simulated:
        return SimulatedRunner(settings().simulated_delay, settings().simulated_failure_rate)
    return make_ansible_runner()


def make_ansible_runner(
    playbook: Path | None = None, inventory: Path | None = None, *, trial: bool = False
) -> AnsibleRunner:
    """Return a runner of real Ansible; `playbook` and `inventory` take the place of those of the settings.

    On trial it sends also what the playbook is not known to honour.
    """
    pool = ForkPool(settings().fork_server_jobs, settings().fork_server_idle)
    return AnsibleRunner(
        playbook or settings().playbook,
        inventory or settings().inventory,
        settings().run_environment,
        pool if settings().ansible_fork_server else None,
        trial=trial,
    )


def warm_up() -> None:
    """Load Ansible now, so that the first run need not wait for it; takes seconds."""
    runner = make_runner()
    if isinstance(runner, AnsibleRunner):
        runner.warm_up()
