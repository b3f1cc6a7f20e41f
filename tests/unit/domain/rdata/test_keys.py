"""TLSA, SMIMEA, SSHFP, OPENPGPKEY, CERT, DHCID."""

import pytest

from tests.unit.domain.rdata.cases import Bad, Case, Good, Rows, accept, cases, name, refusal

H20, H32, H64 = "0123456789abcdef0123456789abcdef01234567", "ab" * 32, "cd" * 64
DHCID = "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="  # RFC 4701 3.6
TLSA: Rows = [
    f"0 0 1 {H32}",  # RFC 6698 2.3
    f"1 1 2 {H64}",
    "3 0 0 30820307308201efa003020102020101300d06092a864886f70d01010b0500",
    f"2 1 1 {H32}",
    f"3 1 1 {H32}",
    "255 255 255 00",
    "3 0 0 " + "30" * 20_000,
    (f"PKIX-TA CERT SHA2-256 {H32}", f"0 0 1 {H32}"),  # RFC 7218
    (f"pkix-ee SPKI sha2-512 {H64}", f"1 1 2 {H64}"),
    (f"DANE-TA Cert SHA2-256 {H32}", f"2 0 1 {H32}"),
    (f"DANE-EE SPKI SHA2-256 {H32}", f"3 1 1 {H32}"),
    ("PrivCert PrivSel PrivMatch 00ff", "255 255 255 00ff"),
    ("3 0 Full 3082", "3 0 0 3082"),
    (f"3 1 1 {H32.upper()}", f"3 1 1 {H32}"),
    (f"3 1 1 ({H32[:30]}\n{H32[30:]})", f"3 1 1 {H32}"),
    (rf"\# 35 030101{H32}", f"3 1 1 {H32}"),
]
NO_TLSA = [
    ("", "rdata_invalid"),
    ("3 1 1", "rdata_invalid"),
    (f"4 1 1 {H32}", "number_invalid"),
    (f"254 1 1 {H32}", "number_invalid"),
    (f"256 1 1 {H32}", "number_invalid"),
    (f"-1 1 1 {H32}", "number_invalid"),
    (f"3 2 1 {H32}", "number_invalid"),
    (f"3 1 3 {H32}", "number_invalid"),
    (f"EE SPKI SHA2-256 {H32}", "number_invalid"),
    (f"3 1 SHA-256 {H32}", "number_invalid"),
    (f"3 1 1 {H32}00", "digest_invalid"),
    (f"3 1 1 {H64}", "digest_invalid"),
    (f"3 1 2 {H32}", "digest_invalid"),
    (f"3 1 1 {H32[1:]}", "hex_invalid"),
    ("3 1 1 zz", "hex_invalid"),
    (f"3 1 1 {':'.join([H32[:32], H32[32:]])}", "hex_invalid"),
    (f"3 1 1 {H32} ; comment", "rdata_invalid"),
    ("-----BEGIN CERTIFICATE-----", "number_invalid"),
]
GOOD: Good = {
    "TLSA": TLSA,
    "SMIMEA": TLSA,
    "SSHFP": [
        f"1 1 {H20}",
        f"2 1 {H20}",
        f"3 2 {H32}",
        f"4 2 {H32}",
        f"6 2 {H32}",
        (f"2 1 {H20.upper()}", f"2 1 {H20}"),
        (f"2 1 {H20[:10]} {H20[10:]}", f"2 1 {H20}"),
        (rf"\# 22 0201{H20}", f"2 1 {H20}"),
    ],
    "OPENPGPKEY": [
        "AA==",
        "mQENBFVHm5sBCAC0",
        ("mQENBFVH\tm5sBCAC0", "mQENBFVHm5sBCAC0"),
        "QUJD" * 10_000,
        ("AB==", "AA=="),
    ],
    "CERT": [
        "1 0 0 AAAA",
        "3 65535 255 AAAA",
        "65280 0 8 AAAA",
        ("PKIX 1 RSASHA1 AAAA", "1 1 5 AAAA"),
        ("SPKI 1 0 AAAA", "2 1 0 AAAA"),
        ("PGP 0 0 AAAA", "3 0 0 AAAA"),
        ("ipkix 0 0 AAAA", "4 0 0 AAAA"),
        ("ISPKI 0 0 AAAA", "5 0 0 AAAA"),
        ("IPGP 0 0 AAAA", "6 0 0 AAAA"),
        ("ACPKIX 0 0 AAAA", "7 0 0 AAAA"),
        ("IACPKIX 0 0 AAAA", "8 0 0 AAAA"),
        ("URI 0 0 AAAA", "253 0 0 AAAA"),
        ("OID 0 ED25519 AA AA", "254 0 15 AAAA"),
        ("PGP 0 0 (\n AAAA\n)", "3 0 0 AAAA"),
    ],
    "DHCID": [
        DHCID,  # RFC 4701 3.6
        "AAEBOSD+XR3Os/0LozeXVqcNc7FwCfQdWL3b/NaiUDlW2No=",
        "AAABxLmlskllE0MVjd57zHcWmEH3pCQ6VytcKD//7es/deY=",
        (f"{DHCID[:10]} {DHCID[10:]}", DHCID),
    ],
}
BAD: Bad = {
    "TLSA": NO_TLSA,
    "SMIMEA": NO_TLSA,
    "SSHFP": [
        ("", "rdata_invalid"),
        ("2 1", "rdata_invalid"),
        (f"0 1 {H20}", "number_invalid"),
        (f"5 1 {H20}", "number_invalid"),
        (f"7 1 {H20}", "number_invalid"),
        (f"256 1 {H20}", "number_invalid"),
        (f"ed25519 2 {H32}", "number_invalid"),
        (f"2 0 {H20}", "number_invalid"),
        (f"2 3 {H20}", "number_invalid"),
        (f"2 1 {H32}", "digest_invalid"),
        (f"4 2 {H20}", "digest_invalid"),
        (f"2 1 {H20}0", "hex_invalid"),
        (f"2 1 {H20[:-1]}g", "hex_invalid"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGw", "number_invalid"),
    ],
    "OPENPGPKEY": [
        ("", "rdata_invalid"),
        ("A", "base64_invalid"),
        ("AAA", "base64_invalid"),
        ("AAAA=", "base64_invalid"),
        ("AA-_", "base64_invalid"),
        ("-----BEGIN PGP PUBLIC KEY BLOCK-----", "base64_invalid"),
        ("AAAA\nAAAA", "rdata_invalid"),
        ("A" * 200_001, "base64_invalid"),
    ],
    "CERT": [
        ("", "rdata_invalid"),
        ("PGP 0 0", "rdata_invalid"),
        ("0 0 0 AAAA", "number_invalid"),
        ("255 0 0 AAAA", "number_invalid"),
        ("65535 0 0 AAAA", "number_invalid"),
        ("65536 0 0 AAAA", "number_invalid"),
        ("X509 0 0 AAAA", "number_invalid"),
        ("PGP 65536 0 AAAA", "number_invalid"),
        ("PGP 0 256 AAAA", "number_invalid"),
        ("PGP 0 RSA AAAA", "number_invalid"),
        ("PGP 0 0 A", "base64_invalid"),
    ],
    "DHCID": [
        ("", "rdata_invalid"),
        ("AAIB", "digest_invalid"),
        ("AAIC" + DHCID[4:], "digest_invalid"),
        (DHCID.replace("=", "=" * 2), "base64_invalid"),
        (f"{DHCID[:-1]}", "base64_invalid"),
        ("not an identifier", "base64_invalid"),
    ],
}


@pytest.mark.parametrize("case", cases(GOOD), ids=name)
def test_accepted(case: Case) -> None:
    accept(case)


@pytest.mark.parametrize("case", cases(BAD), ids=name)
def test_refused(case: Case) -> None:
    assert refusal(case.type, case.written) == case.expected
