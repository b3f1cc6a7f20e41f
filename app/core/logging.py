"""Logging: one JSON object a line from every process, coloured text on a terminal."""

import logging
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Literal, NamedTuple, cast

import structlog
from pydantic_core import to_json
from structlog.contextvars import bound_contextvars
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import ExceptionRenderer
from structlog.tracebacks import ExceptionDictTransformer
from structlog.typing import EventDict, FilteringBoundLogger, Processor

from app.core.access_log import AccessLog, log_access_with
from app.core.config import doubtful_settings, settings
from app.core.whole_lines import StderrAsJson, Turns, WholeLineHandler

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    structlog.processors.StackInfoRenderer(),
)
# Loggers that come with handlers of their own; their lines go through ours.
_LIBRARIES = ("uvicorn", "uvicorn.error", "uvicorn.access", "celery", "celery.task", "kombu", "alembic")
# Their lines say what a person at a terminal sees from others; LOG_LEVEL=DEBUG shows them.
_DETAILS = ("app.services.drain.run_log", "alembic.runtime.migration")
_QUIET = (
    "httpx2",
    "httpcore2",
    "alembic.runtime.plugins",
    "app.core.database._ClosingPool",  # SQLAlchemy's own pools are quiet; it names a logger after the class
    "celery.worker.strategy",
    "celery.app.trace",
)


def configure_logging(process: str) -> None:
    """Send every log line of this process and of its libraries to stdout, in one format."""
    turns = Turns(1, forks=process == "worker")  # the others fork no processes that log
    handler = WholeLineHandler(sys.stdout, turns) if for_people() else BulkJsonHandler(process, turns)
    handler.setFormatter(_formatter(process))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(settings().log_level.upper())
    logging.captureWarnings(True)
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False  # no line shows them
    logging._srcfile = None  # nor from where it was logged, which takes a fifth of the time of an access line
    for name in _LIBRARIES:
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
    if not for_people():
        log_access_with(AccessLog(sys.stdout, process))
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    logging.getLogger("alembic.runtime.migration").addFilter(_is_step)
    logging.getLogger("celery.worker.consumer.consumer").addFilter(_without_trace_of_lost_broker)
    for name in _DETAILS:
        quiet = for_people() and root.level > logging.DEBUG
        logging.getLogger(name).setLevel(logging.WARNING if quiet else logging.NOTSET)
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(root.level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    for line in doubtful_settings():
        get_logger("app").warning(line)


def log_stderr_as_json(process: str) -> None:
    """Make lines of the log of what libraries print on standard error; not for a terminal."""
    handler = next((each for each in logging.getLogger().handlers if isinstance(each, BulkJsonHandler)), None)
    if handler is not None:
        sys.stderr = StderrAsJson(process, handler.turns)


def configure_command_logging() -> None:
    """Send this process's warnings to stderr: stdout is for the command's own output."""
    structlog.reset_defaults()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


class BulkJsonHandler(WholeLineHandler):
    """The handler of JSON lines; it can write many of them at once."""

    def __init__(self, process: str, turns: Turns) -> None:
        super().__init__(sys.stdout, turns)
        self.process = process

    def write_lines(self, lines: Iterable[str]) -> None:
        """Write lines that are JSON already, in one piece."""
        text = "".join(f"{line}\n" for line in lines)
        # an OSError: the reader has gone
        with self.lock or nullcontext(), self.turns.take(), suppress(OSError, ValueError):
            self.stream.write(text)
            self.flush()


class Line(NamedTuple):
    """A message to be logged, and its fields."""

    level: Literal["info", "warning"]
    message: str
    fields: Mapping[str, object]


def log_lines(name: str, lines: Iterable[Line]) -> None:
    """Log many lines in one piece: one by one they take twenty times as long."""
    root = logging.getLogger()
    handler = next((each for each in root.handlers if isinstance(each, BulkJsonHandler)), None)
    if handler is None:
        for line in lines:
            getattr(get_logger(name), line.level)(line.message, **line.fields)
        return
    logged = {level for level in ("info", "warning") if root.isEnabledFor(getattr(logging, level.upper()))}
    shared = {"logger": name, "at": datetime.now(UTC), "process": handler.process}
    context = structlog.contextvars.get_contextvars() | shared
    handler.write_lines(
        to_json({**line.fields, **context, "level": line.level, "message": line.message}).decode()
        for line in lines
        if line.level in logged
    )


def get_logger(name: str = "app") -> FilteringBoundLogger:
    """Return a logger, to be used as `log.info("words for a person", zone=…, run_id=…)`."""
    return cast(FilteringBoundLogger, structlog.get_logger(name))


def warn_if_simulated() -> None:
    """Say it where changes are only simulated."""
    if settings().simulated:
        get_logger("app").warning(
            "changes are only simulated: nothing is sent to a DNS server, and every name is accepted."
            " Set EXECUTOR=ansible, and INVENTORY for the worker, to have real runs"
        )


def warn_if_open() -> None:
    """Say it where nobody has to say who he is."""
    if settings().auth == "off":
        get_logger("app").warning(
            "nobody has to say who he is: whoever reaches the API may make every change, in anybody's name."
            " Set AUTH=required, and make tokens: python -m app.cli token create --help"
        )


@contextmanager
def bound(**fields: object) -> Iterator[None]:
    """Add fields such as `zone` and `run_id` to every line that is logged inside the block."""
    with bound_contextvars(**{key: str(value) for key, value in fields.items()}):
        yield


def for_people() -> bool:
    """Return whether the lines are coloured text for a terminal, not JSON."""
    wanted = settings().log_format
    return wanted == "console" or (wanted == "auto" and sys.stdout.isatty())


def _is_step(record: logging.LogRecord) -> bool:
    """Return whether Alembic changes something: at each start it also says which database it sees."""
    return record.levelno > logging.INFO or record.getMessage().startswith("Running")


def _without_trace_of_lost_broker(record: logging.LogRecord) -> bool:
    """Say of an outage of the broker what it was, and not where in Celery it was met; all lines pass."""
    if record.exc_info and record.getMessage().startswith("consumer: Connection to broker lost"):
        vars(record).update(error=str(record.exc_info[1]), exc_info=None)
    return True


def _formatter(process: str) -> logging.Formatter:
    def add_process(_: object, __: str, event: EventDict) -> EventDict:
        return {**event, "process": process}

    # Stack traces without local variables: among them are the database's password and requesters' data.
    last: list[Processor] = (
        [_shorten, ConsoleRenderer(timestamp_key="at", exception_formatter=plain_traceback, pad_event_to=0)]
        if for_people()
        else [
            add_process,
            ExceptionRenderer(ExceptionDictTransformer(show_locals=False)),
            structlog.processors.EventRenamer("message"),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=list(_SHARED),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _drop_second_copy, *last],
    )


def _shorten(_: object, __: str, event: EventDict) -> EventDict:
    """Leave out what a person at a terminal knows: the date, and fields without a value."""
    known = {key: value for key, value in event.items() if value is not None}
    return {**known, "at": str(event["at"])[11:19]}


def _drop_second_copy(_: object, __: str, event: EventDict) -> EventDict:
    """Drop uvicorn's second copy of its message, which has escape codes in it."""
    event.pop("color_message", None)
    return event
