"""What batches over PowerDNS's API do to what is there, and what they leave alone."""

from tests.support.powerdns import Answer, call, creates, http_server, intercepted, put, rrsets_at
from tests.support.zones import APPLIED, UNCHANGED, ApiZoneUnderTest, failed


def test_changes_of_one_name_are_one_call(zone: ApiZoneUnderTest) -> None:
    said = zone.apply(
        zone.change("create", "www", "A", "192.0.2.1"),
        zone.change("create", "www", "TXT", '"beside"'),
        zone.change("delete", "www", "A"),
        zone.change("create", "www", "CNAME", "a.example.org."),
        zone.change("delete", "www", "TXT"),
        zone.change("create", "www", "CNAME", "a.example.org."),
        zone.change("update", "www", "CNAME", "b.example.org."),
    )
    assert said == [APPLIED, APPLIED, APPLIED, failed("cname_conflict"), APPLIED, APPLIED, APPLIED]
    assert zone.outcomes.messages == 1
    assert rrsets_at(zone, "www").keys() == {"CNAME"}
    assert zone.values("www", "CNAME") == {"b.example.org."}


def test_nothing_to_do_is_no_call(zone: ApiZoneUnderTest) -> None:
    zone.do("create", "www", "A", "192.0.2.1")
    said = zone.apply(
        zone.change("create", "www", "A", "192.0.2.1"), zone.change("delete", "none", "A", "192.0.2.1")
    )
    assert said == [UNCHANGED] * 2
    assert zone.outcomes.messages == 0


def test_values_that_are_there_stay_in_a_large_batch(zone: ApiZoneUnderTest) -> None:
    assert set(zone.apply(*creates(zone, 150))) == {APPLIED}
    more = [zone.change("create", f"h{number}", "A", "192.0.2.2") for number in range(150)]
    assert set(zone.apply(*more)) == {APPLIED}
    assert zone.outcomes.messages == 1
    assert zone.values("h149", "A") == {"192.0.2.1", "192.0.2.2"}


def test_a_newer_server_is_asked_for_names(zone: ApiZoneUnderTest) -> None:
    put(zone, "h1", "A", "192.0.2.2")
    real, asked = zone.url, list[str]()

    def answer(method: str, path: str, body: bytes) -> Answer:
        asked.append(path)
        if path.endswith("/localhost"):
            return 200, {}, b'{"version": "5.0.1"}'
        return call(zone, method, path, body, real)

    with http_server(answer) as zone.url:
        assert zone.apply(*creates(zone, 3)) == [APPLIED] * 3
    assert sum("rrset_name=" in path and "include_disabled=true" in path for path in asked) == 4
    assert zone.values("h1", "A") == {"192.0.2.1", "192.0.2.2"}


def test_answers_that_are_cached_do_not_outlive_a_change(zone: ApiZoneUnderTest) -> None:
    assert zone.values("www", "A") == set()
    zone.do("create", "www", "A", "192.0.2.1")
    assert zone.values("www", "A") == {"192.0.2.1"}
    zone.do("upsert", "www", "A", "192.0.2.2")
    assert zone.values("www", "A") == {"192.0.2.2"}


def test_good_changes_of_a_name_do_not_fail_with_a_bad_one(zone: ApiZoneUnderTest) -> None:
    said = zone.apply(
        zone.change("create", "www", "A", "192.0.2.1"),
        zone.change("create", "www", "NULL", r"\# 1 00"),
        zone.change("create", "www", "TXT", '"x"'),
        zone.change("create", "other", "TXT", '"x"'),
    )
    assert said == [APPLIED, failed("refused"), APPLIED, APPLIED]
    assert rrsets_at(zone, "www").keys() == {"A", "TXT"}


def test_names_that_the_server_does_not_take_fail_alone(zone: ApiZoneUnderTest) -> None:
    odd = ["a\\032b", "a\\.b", '\\"q', "\\000", "\\226\\130", "{{x", "a&b=c", "%41", "a+b"]
    said = zone.apply(
        zone.change("create", "www", "A", "192.0.2.1"),
        *(zone.change("create", name, "A", "192.0.2.1") for name in odd),
        zone.change("create", "_x._tcp", "A", "192.0.2.1"),
    )
    assert said == [APPLIED, *[failed("refused")] * len(odd), APPLIED]


def test_disabled_records_and_comments_are_not_ours(zone: ApiZoneUnderTest) -> None:
    comment = {"content": "ask Ann", "account": "ann"}
    put(zone, "www", "A", "192.0.2.1", "-192.0.2.2", "-192.0.2.3", comments=[comment])
    assert zone.do("create", "www", "A", "192.0.2.2") == APPLIED
    assert zone.do("delete", "www", "A", "192.0.2.1") == APPLIED
    records = {record["content"]: record["disabled"] for record in rrsets_at(zone, "www")["A"]["records"]}
    assert records == {"192.0.2.2": False, "192.0.2.3": True}
    assert rrsets_at(zone, "www")["A"]["comments"][0]["content"] == "ask Ann"
    assert zone.do("delete", "www", "A", "192.0.2.2") == APPLIED
    assert zone.do("delete", "www", "A") == UNCHANGED
    assert zone.do("update", "www", "A", "192.0.2.4") == failed("rrset_missing")
    assert zone.do("create", "www", "CNAME", "x.example.org.") == APPLIED


def test_types_that_only_powerdns_knows(zone: ApiZoneUnderTest) -> None:
    put(zone, "lua", "LUA", "A \"pickrandom({'192.0.2.1'})\"")
    assert zone.do("create", "lua", "CNAME", "x.example.org.") == failed("cname_conflict")
    assert zone.do("create", "lua", "TXT", '"x"') == APPLIED
    assert rrsets_at(zone, "lua").keys() == {"LUA", "TXT"}
    assert zone.do("create", "lua", "LUA", '"x"') == failed("invalid_change")


def test_somebody_else_was_faster(zone: ApiZoneUnderTest) -> None:
    real = zone.url
    others = [("www", "CNAME", "x.example.org.")]

    def change_first(body: bytes) -> Answer:
        while others:
            put(zone, *others.pop())
        return call(zone, "PATCH", f"/api/v1/servers/localhost/zones/{zone.name}.", body, real)

    with intercepted(zone, change_first):
        said = zone.apply(
            zone.change("upsert", "www", "A", "192.0.2.1"), zone.change("upsert", "b", "A", "192.0.2.1")
        )
    assert said == [failed("cname_conflict"), APPLIED]
    assert zone.values("www", "CNAME") == {"x.example.org."}
