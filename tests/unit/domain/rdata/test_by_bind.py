"""What is accepted, read by BIND as a zone file."""

import os
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
from tests.unit.domain.rdata.cases import cases
from tests.unit.domain.rdata.tables import TABLES

HEAD = "$TTL 60\n@ SOA ns.example.org. a.example.org. 1 60 60 60 60\n@ NS ns.example.org.\n"
OPTIONS = ["-s", "full", "-i", "none", *(word for letter in "knrmMS" for word in (f"-{letter}", "ignore"))]
NOT_BY_NAME = re.compile(r" ohttp| docpath=")  # BIND knows these parameters by their numbers alone
PIECES = ("a", "(", ")", "*", "|", "[", "]", "-", "^", "{1", "}", "\\", "1", "?", "[:alpha:]", ",", ".")
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


def naptr(expression: str) -> str | None:
    """A NAPTR with the expression; None where it is refused."""
    try:
        value = written(b"u", b"", f"!{expression}!x!".encode())
        return canonical(RecordType.NAPTR, f"1 1 {value} .")
    except InvalidRdata:
        return None


def test_no_expression_is_accepted_that_bind_refuses(tmp_path: Path) -> None:
    tried = {"".join(each) for length in (1, 2, 3) for each in product(PIECES, repeat=length)}
    tried |= {"".join(each) for each in product(PIECES[:9], repeat=4)}
    tried |= {f"[{''.join(each)}]" for length in (1, 2, 3, 4) for each in product(IN_BRACKETS, repeat=length)}
    accepted = sorted(filter(None, map(naptr, tried)))
    assert len(accepted) > 2_000
    assert [
        canonical(RecordType.NAPTR, each)
        for each in read_by_bind([("NAPTR", each) for each in accepted], tmp_path)
    ] == accepted
