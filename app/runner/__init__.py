"""Ansible: one run applies one batch of changes to one zone."""

from app.core.config import Settings
from app.runner.base import Runner
from app.runner.playbook import AnsibleRunner
from app.runner.simulated import SimulatedRunner


def make_runner(settings: Settings) -> Runner:
    """Return the runner that the settings ask for."""
    if settings.executor == "simulated":
        return SimulatedRunner(settings.simulated_delay, settings.simulated_failure_rate)
    return AnsibleRunner(settings.playbook, settings.inventory, settings.run_environment)
