"""Changes are read from files of each kind, and what can't be read is named with its line."""

import dns.rdatatype
import dns.zone
import pytest

from dns_orchestrator.files import FileInvalid, Format, read_changes

MASTER = r"""
$TTL 1h
$ORIGIN example.test.
@   IN SOA ns1 hostmaster (
        1 ; serial
        1d 2h 4w 300 )
    NS  ns1
    NS  ns.elsewhere.test.
    MX  10 mail
    300 IN TXT "v=spf1 mx -all" "second; not a comment"
ns1 A 192.0.2.53
    AAAA 2001:db8::53
www 60 IN A 192.0.2.1 ; first
www 60 IN A 192.0.2.2
*.wild CNAME www
_sip._tcp SRV 10 5 5060 sip
          CAA 0 issue "ca.example.net"
svc HTTPS 1 . alpn="h2,h3"
a\.b A 192.0.2.9
$ORIGIN sub
deep TXT ""
"""


def read(text: str, kind: Format, **more: str) -> list[tuple[int, str, object, int | None]]:
    """The line, the words, the values and the TTL of each change."""
    found = read_changes(text.encode(), kind, **more)
    return [(each.line, each.change.name, each.change.target, each.change.ttl) for each in found]


def test_a_table_has_a_change_on_each_line_and_an_rrset_on_several() -> None:
    text = 'name;type;value;ttl\na.test;A;192.0.2.1;60\n\nb.test;TXT;"x; y";\nA.test.;a;192.0.2.2;60\n'
    assert read(text, "csv") == [
        (2, "upsert a.test A", ["192.0.2.1", "192.0.2.2"], 60),
        (4, "upsert b.test TXT", "x; y", None),
    ]


def test_each_value_of_an_rrset_has_the_priority_of_its_line() -> None:
    text = "name,type,value,priority\na.test,MX,b.test.,10\na.test,MX,c.test.,20\na.test,MX,5 d.test.,\n"
    assert [each[2] for each in read(text, "csv")] == [["10 b.test.", "20 c.test.", "5 d.test."]]


def test_only_a_line_feed_ends_a_line() -> None:
    assert read('a.test. TXT "x\x85y"\r\n', "zone", origin="test")[0][2] == '"x\x85y"'
    assert read('{"name": "a.test", "type": "TXT", "value": "x\u2028y"}\n', "jsonl")[0][2] == "x\u2028y"


def test_values_that_are_added_or_removed_stay_changes_of_their_own() -> None:
    text = "action,name,type,value\ncreate,a.test,A,192.0.2.1\ncreate,a.test,A,192.0.2.2\ndelete,b.test,A,\n"
    assert [each[1] for each in read(text, "csv")] == ["create a.test A"] * 2 + ["delete b.test A"]


def test_objects_are_bodies_of_the_api_or_flat() -> None:
    resource = '{"record_type": "A", "domain": "a.test"}'
    body = f'{{"action": "delete", "context": {{"account_id": "x"}}, "resource": {resource}}}'
    flat = '{"name": "b.test", "type": "A", "value": ["192.0.2.1"], "ttl": 60}'
    wanted = [(1, "delete a.test A", None, None), (2, "upsert b.test A", ["192.0.2.1"], 60)]
    assert read(f"{body}\n{flat}\n", "jsonl") == wanted
    assert read(f"[{body}, {flat}]", "json") == wanted
    assert read(f'{{"requests": [{body}, {flat}]}}', "json") == wanted
    assert read(f"- {body}\n- {{name: b.test, type: A, value: [192.0.2.1], ttl: 60}}\n", "yaml") == wanted


def test_a_master_file_means_the_same_as_to_dnspython() -> None:
    zone = dns.zone.from_text(MASTER, origin="example.test.", relativize=False)
    wanted = {
        (str(name).rstrip("."), dns.rdatatype.to_text(rrset.rdtype)): (
            rrset.ttl,
            {str(each) for each in rrset},
        )
        for name, rrset in zone.iterate_rdatasets()
    }
    del wanted["example.test", "SOA"]
    found = {
        (each.change.domain, each.change.record_type): (each.change.ttl, each.change.target)
        for each in read_changes(MASTER.encode(), "zone")
    }
    assert found.keys() == wanted.keys()
    for key, (ttl, target) in found.items():
        values = [target] if isinstance(target, str) else target
        texts = {str(dns.rdata.from_text("IN", key[1], value)) for value in values or []}
        assert (ttl, texts) == wanted[key]


def test_names_are_relative_to_the_origin_that_is_given() -> None:
    assert read("@ A 192.0.2.1\nwww CNAME @\n", "zone", origin="example.test") == [
        (1, "upsert example.test A", "192.0.2.1", None),
        (2, "upsert www.example.test CNAME", "example.test.", None),
    ]


@pytest.mark.parametrize(
    ("kind", "text", "line", "words"),
    [
        ("csv", "name,typo\n", 1, "no such column: 'typo'"),
        ("csv", "name,value\n", 1, "the first line names the columns"),
        ("csv", "name,type,ttl\na.test,A,x\n", 2, "ttl"),
        ("csv", "name,type\na.test,A,x\n", 2, "3 cells"),
        ("csv", 'name,type\n"a.test,A\n', 2, "unexpected end"),
        ("csv", "name,type,value,ttl\na.test,A,192.0.2.1,1\na.test,A,192.0.2.2,2\n", 3, "another TTL"),
        (
            "csv",
            "name,type,value,account\na.test,A,192.0.2.1,x\na.test,A,192.0.2.2,y\n",
            3,
            "another account",
        ),
        ("jsonl", '{"name": "a.test", "type": "A"}\n{', 2, "not JSON"),
        ("jsonl", "[" * 100_000, 1, "not JSON"),
        ("jsonl", f'{{"ttl": {"9" * 5000}}}', 1, "not JSON"),
        ("jsonl", '{"resource": "x"}', 1, "no body of a change"),
        ("json", "[" * 100_000, 1, "not JSON"),
        ("yaml", "- {name: a.test, type: A, not_before: 2026-02-30}", 1, "day is out of range"),
        ("jsonl", "3\n", 1, "an object"),
        ("jsonl", '{"resource": 3}', 1, "no body of a change"),
        ("json", '{"a": 1}', 1, "a list of changes"),
        ("json", '[{"name": "a.test", "type": "A", "color": "red"}]', 1, "color"),
        ("yaml", "a: [\n", 2, "not YAML"),
        ("zone", "www A 192.0.2.1\n", 1, "relative to an origin"),
        ("zone", "$INCLUDE other\n", 1, "only $ORIGIN and $TTL"),
        ("zone", "a.test. CH TXT x\n", 1, "only IN"),
        ("zone", "a.test. A\n", 1, "a type and a value"),
        ("zone", "\n A 192.0.2.1\n", 2, "an owner name"),
        ("zone", "a.test. TXT (\n x\n", 1, "not closed"),
        ("zone", "a.test. TXT x )\n", 1, "not opened"),
        ("zone", 'a.test. TXT "x\n', 1, "does not end"),
    ],
)
def test_what_can_not_be_read_is_named_with_its_line(kind: Format, text: str, line: int, words: str) -> None:
    with pytest.raises(FileInvalid) as raised:
        read_changes(text.encode(), kind)
    assert raised.value.line == line
    assert words in str(raised.value)


def test_what_is_no_utf_8_is_named_with_its_line() -> None:
    with pytest.raises(FileInvalid, match="line 2: this is not UTF-8"):
        read_changes(b"name,type\n\xff", "csv")
