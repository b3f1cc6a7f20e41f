"""BIND as its operators have it now and then: without zones, with another key, without rights for anybody."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from stack.bind import Bind
from stack.nameserver import KEY_NAME, create_key
from tests.faults.matrix.scene import Scene

_ALLOWED, _NOBODY = f'key "{KEY_NAME}"', "none"


@contextmanager
def without_updates(bind: Bind, zones: Sequence[str]) -> Iterator[None]:
    """Let nobody update the zones, for the block."""
    _let_update(bind, zones, _NOBODY)
    try:
        yield
    finally:
        _let_update(bind, zones, _ALLOWED)


@contextmanager
def without_transfers(bind: Bind) -> Iterator[None]:
    """Let nobody transfer any zone, for the block."""
    path = bind.key_file.with_name("named.conf")
    text = path.read_text()
    refusing = text.replace(f"allow-transfer {{ {_ALLOWED}; }}", f"allow-transfer {{ {_NOBODY}; }}")
    assert refusing != text
    path.write_text(refusing)
    bind.rndc("reconfig")
    try:
        yield
    finally:
        path.write_text(text)
        bind.rndc("reconfig")


@contextmanager
def without_zones(bind: Bind, zones: Sequence[str]) -> Iterator[None]:
    """Serve the zones no more, for the block; their files stay."""
    for zone in zones:
        bind.rndc("delzone", zone)
    try:
        yield
    finally:
        for zone in zones:
            bind.add_zone(zone)


@contextmanager
def with_another_key(bind: Bind) -> Iterator[None]:
    """Know another key by the name of the right one, for the block."""
    right = bind.key_file.read_bytes()
    bind.key_file.unlink()
    create_key(bind.key_file)
    bind.rndc("reconfig")
    try:
        yield
    finally:
        bind.key_file.write_bytes(right)
        bind.rndc("reconfig")


def catch_up(scene: Scene) -> None:
    """Have the secondary look for what it has missed: by itself it waits for the SOA's retry time."""
    for zone in scene.zones:
        scene.system.servers.secondary.rndc("refresh", zone)


def _let_update(bind: Bind, zones: Sequence[str], who: str) -> None:
    folder = bind.key_file.parent / "zones"
    for zone in zones:
        bind.rndc(
            "modzone",
            f'"{zone}"',
            f'{{ type primary; file "{folder / zone}"; allow-update {{ {who}; }}; }};',
        )
