"""What is accepted, read by BIND as a zone file."""

import os
import random
import re
import subprocess
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import dns.rdata

from app.domain.errors import InvalidRdata
from app.domain.rdata import RecordType, canonical, presentation
from app.domain.rdata.strings import written
from stack.debian import library_path, unpacked
from stack.paths import PACKAGES
from tests.support.thoroughly import THOROUGH
from tests.unit.domain.rdata.cases import cases
from tests.unit.domain.rdata.tables import TABLES

HEAD = "$TTL 60\n@ SOA ns.example.org. a.example.org. 1 60 60 60 60\n@ NS ns.example.org.\n"
OPTIONS = ["-s", "full", "-i", "none", *(word for letter in "knrmMS" for word in (f"-{letter}", "ignore"))]
NOT_BY_NAME = re.compile(r" ohttp| docpath=")  # BIND knows these parameters by their numbers alone
PIECES = ("a", "(", ")", "*", "|", "[", "]", "-", "^", "{1", "}", "\\", "1", "?", "[:alpha:]", ",", ".")
BY_NUMBER = (
    7,
    8,
    9,
    11,
    14,
    19,
    20,
    21,
    22,
    25,
    26,
    31,
    32,
    34,
    40,
    55,
    57,
    58,
    67,
    68,
    259,
    260,
    32768,
    32769,
)
PIECES_OF_OCTETS = (
    *(bytes([octet]) for octet in (0, 1, 2, 3, 4, 8, 16, 192)),
    *(
        b"\0\0",
        b"\x01a\0",
        b"\x03www\x04test\0",
        b"\xc0\x0c",
        b"\x041234",
        b"\x02\0\0\1",
        bytes(16),
        b"x" * 20,
    ),
)
IN_BRACKETS = ("a", "-", "]", "^", "[", "[:digit:]", "[=a=]", "[.a.]", "a-z")


def read_by_bind(records: Sequence[tuple[str, str]], folder: Path) -> list[str]:
    """The values of the types, as BIND writes them after it has read them from a zone file."""
    lines = (f"n{number} {record_type} {value}\n" for number, (record_type, value) in enumerate(records))
    (folder / "zone").write_text(HEAD + "".join(lines))
    root = unpacked("bind9", PACKAGES)
    environment = os.environ | {"LD_LIBRARY_PATH": library_path(root)}
    command = [f"{root}/usr/bin/named-checkzone", "-D", *OPTIONS, "-o", "out", "example.test", "zone"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]
    dumped = (line.split(None, 4) for line in (folder / "out").read_text().splitlines())
    values = {name: value for name, _, _, _, value in dumped if name.startswith("n")}
    return [values[f"n{number}.example.test."] for number in range(len(records))]


def test_every_value_that_is_accepted_is_the_same_to_bind(tmp_path: Path) -> None:
    accepted = [
        case
        for table in TABLES
        for case in cases(table.GOOD)
        if not (case.type.is_unknown or NOT_BY_NAME.search(case.expected))
    ]
    there = read_by_bind([(case.type, case.expected) for case in accepted], tmp_path)
    for case, value in zip(accepted, there, strict=True):
        if case.type in (
            RecordType.NID,
            RecordType.L64,
        ):  # without zeros in front, which dnspython can't read
            assert canonical(case.type, value) == case.expected
        else:
            octets = dns.rdata.from_text("IN", case.type.value, value, relativize=False)
            assert presentation(octets) == case.expected


def octets_of_a_type(chance: random.Random) -> tuple[RecordType, str] | None:
    """Octets of a type by its number, of pieces that types are made of; None where they are refused."""
    record_type = RecordType(f"TYPE{chance.choice(BY_NUMBER)}")
    octets = b"".join(chance.choices(PIECES_OF_OCTETS, k=chance.randint(0, 6)))
    try:
        return record_type, canonical(record_type, rf"\# {len(octets)} {octets.hex()}")
    except InvalidRdata:
        return None


def test_bind_takes_what_is_accepted_of_types_by_their_numbers(tmp_path: Path) -> None:
    chance = random.Random(1)
    accepted = sorted(filter(None, {octets_of_a_type(chance) for _ in range(5_000)}))
    assert {record_type for record_type, _ in accepted} >= {"TYPE25", "TYPE34", "TYPE55", "TYPE57"}
    assert len(read_by_bind(accepted, tmp_path)) == len(accepted) > 1_000


def naptr(expression: str) -> str | None:
    """A NAPTR with the expression; None where it is refused."""
    try:
        value = written(b"u", b"", f"!{expression}!x!".encode())
        return canonical(RecordType.NAPTR, f"1 1 {value} .")
    except InvalidRdata:
        return None


def test_no_expression_is_accepted_that_bind_refuses(tmp_path: Path) -> None:
    lengths = range(1, 5 if THOROUGH else 4)
    tried = {"".join(each) for length in (1, 2, 3) for each in product(PIECES, repeat=length)}
    tried |= {"".join(each) for length in lengths for each in product(PIECES[:9], repeat=length)}
    tried |= {f"[{''.join(each)}]" for length in lengths for each in product(IN_BRACKETS, repeat=length)}
    accepted = sorted(filter(None, map(naptr, tried)))
    assert len(accepted) > 2_000
    assert [
        canonical(RecordType.NAPTR, each)
        for each in read_by_bind([("NAPTR", each) for each in accepted], tmp_path)
    ] == accepted
