"""Runs: each applies one batch of changes to one zone, by Ansible or in the simulation."""

from pathlib import Path

from app.core.config import Settings
from app.runner.ansible.runner import AnsibleRunner
from app.runner.process.fork_pool import ForkPool
from app.runner.protocol import Runner
from app.runner.simulated import SimulatedRunner


def make_runner(settings: Settings) -> Runner:
    """Return the runner that the settings ask for."""
    if settings.executor == "simulated":
        return SimulatedRunner(settings.simulated_delay, settings.simulated_failure_rate)
    return ansible_runner(settings)


def ansible_runner(
    settings: Settings, playbook: Path | None = None, inventory: Path | None = None
) -> AnsibleRunner:
    """Return a runner of real Ansible; `playbook` and `inventory` take the place of those of the settings."""
    pool = ForkPool(settings.fork_server_jobs, settings.fork_server_idle)
    return AnsibleRunner(
        playbook or settings.playbook,
        inventory or settings.inventory,
        settings.run_environment,
        pool if settings.ansible_fork_server else None,
    )


def warm_up(settings: Settings) -> None:
    """Load Ansible now, so that the first run need not wait for it; takes seconds."""
    runner = make_runner(settings)
    if isinstance(runner, AnsibleRunner):
        runner.warm_up()
