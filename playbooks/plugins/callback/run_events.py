"""Reports a run while it goes on: one JSON object a line, to the descriptor that `DNS_EVENTS_FD` names.

Without that variable it reports nothing, so that a playbook can also be run by hand. It does not touch the
output of the stdout callback that is in use.
"""

import json
import os
from collections.abc import Mapping
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = """
name: run_events
type: notification
short_description: Events of a run as JSON lines
description: Writes what happens to the descriptor named by the environment variable DNS_EVENTS_FD.
"""

MAX_TEXT = 2_000  # characters of a message that are reported
MESSAGE_KEYS = ("msg", "stderr", "reason")  # of a module's result; the first that is not empty counts


class CallbackModule(CallbackBase):  # type: ignore[misc]  # Ansible has no types
    """Ansible's hooks, each written as one event."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "run_events"
    CALLBACK_NEEDS_ENABLED = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        descriptor = os.environ.get("DNS_EVENTS_FD", "")
        self.disabled = not descriptor.isdigit()
        self._descriptor = int(descriptor) if descriptor.isdigit() else -1
        self._play = ""

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Note a play; it is reported with its first task, since a play that matches no host has none."""
        self._play = play.get_name().strip()

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        """Report a task."""
        self._write_task(task)

    def v2_playbook_on_handler_task_start(self, task: Any) -> None:
        """Report a handler."""
        self._write_task(task)

    def v2_runner_on_ok(self, result: Any) -> None:
        """Report a task that went well on a host."""
        self._write_result("ok", result)

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Report a task that failed on a host."""
        self._write_result("failed", result, ignored=ignore_errors)

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Report a task that a host skipped."""
        self._write_result("skipped", result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Report a host that can't be reached."""
        self._write_result("unreachable", result)

    def v2_runner_retry(self, result: Any) -> None:
        """Report a task that is tried again."""
        self._write_result("retry", result)

    def v2_runner_item_on_ok(self, result: Any) -> None:
        """Report a loop's item that went well."""
        self._write_result("item_ok", result)

    def v2_runner_item_on_failed(self, result: Any) -> None:
        """Report a loop's item that failed."""
        self._write_result("item_failed", result)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Report how many tasks went which way, by host."""
        self._write("stats", hosts={host: stats.summarize(host) for host in sorted(stats.processed)})

    def _write_task(self, task: Any) -> None:
        if self._play:
            self._write("play", name=self._play)
            self._play = ""
        self._write("task", name=task.name or task.get_name(), request_id=_request_id(task, {}))

    def _write_result(self, event: str, result: Any, **more: Any) -> None:
        values = result._result
        self._write(
            event,
            host=result._host.get_name(),
            changed=bool(values.get("changed")),
            message=_message(values),
            item=_item(values),
            request_id=_request_id(result._task, values),
            **more,
        )

    def _write(self, event: str, **fields: Any) -> None:
        line = memoryview((json.dumps({"event": event, **fields}, default=str) + "\n").encode())
        try:
            while line:
                line = line[os.write(self._descriptor, line) :]
        except OSError:
            self.disabled = True  # the reader has closed its end


def _message(values: dict[str, Any]) -> str:
    if values.get("_ansible_no_log"):
        return ""
    texts = (values.get(key) for key in MESSAGE_KEYS)
    return next((str(text)[:MAX_TEXT] for text in texts if text), "")


def _request_id(task: Any, values: Mapping[str, Any]) -> str | None:
    """Return the id of the request that a result is about, by its loop's item or that of a loop around it."""
    item = values.get(values.get("ansible_loop_var", "item"))
    about = (each for each in (item, *task.get_vars().values()) if isinstance(each, Mapping))
    return next((str(each["request_id"]) for each in about if "request_id" in each), None)


def _item(values: dict[str, Any]) -> str | None:
    if values.get("_ansible_no_log") or "_ansible_item_label" not in values:
        return None
    return str(values["_ansible_item_label"])[:MAX_TEXT]
