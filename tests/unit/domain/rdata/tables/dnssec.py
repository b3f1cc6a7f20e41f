"""DS, CDS, DNSKEY, CDNSKEY."""

from tests.unit.domain.rdata.cases import Bad, Good, Rows

SHA_1, SHA_256, SHA_384 = "2bb183af5f22588179a53b0a98631fad1a292118", "ab" * 32, "cd" * 48
KEY_13 = "oJMRESz5E4gYzS/q6XDrvU1qMPYIjCWzJaOau8XNEZeqCYKD5ar0IRd8KqXXFJkqmVfRvMGPmM1x8fGAa2XhSA=="
KEY_14 = (
    "xKYaNhWdGOfJ+nPrL8/arkwf2EY3MDJ+SErKivBVSum1w/egsXvSADtNJhyem5RCOpgQ6K8X1DRSEkrb"
    "YQ+OB+v8/uX45NBwY8rp65F6Glur8I/mlVNgF6W/qTI37m40"
)
KEY_15 = "l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="
KEY_16 = "3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA"
RSA = (
    "AQPSKmynfzW4kyBv015MUG2DeIQ3Cbl+BBZH4b/0PY1kxkmvHjcZc8nokfzj31GajIQKY+5CptLr3buX"
    "A10hWqTkF7H6RfoRqXQeogmMHfpftf6zMv1LyBUgia7za6ZEzOJBOztyvhjL742iU/TpPSEDhm2SNKLi"
    "jfUppn1UaNvv4w=="
)
LONG_EXPONENT = "AAEAAQAB" * 100
DS: Rows = [
    f"60485 5 1 {SHA_1}",  # RFC 4034 5.4
    f"0 1 1 {SHA_1}",
    f"65535 255 1 {SHA_1}",
    f"60485 8 2 {SHA_256}",
    f"60485 13 4 {SHA_384}",
    f"60485 12 3 {SHA_256}",
    "60485 13 7 00",  # a type that is not known has any length
    "60485 13 255 0011",
    (f"60485 RSASHA1 1 {SHA_1}", f"60485 5 1 {SHA_1}"),
    (f"60485 rsasha256 2 {SHA_256}", f"60485 8 2 {SHA_256}"),
    (f"60485 RSASHA1-NSEC3-SHA1 1 {SHA_1}", f"60485 7 1 {SHA_1}"),
    (f"60485 ECDSAP384SHA384 4 {SHA_384}", f"60485 14 4 {SHA_384}"),
    (f"60485 ED25519 2 {SHA_256}", f"60485 15 2 {SHA_256}"),
    (f"60485 5 1 {SHA_1.upper()}", f"60485 5 1 {SHA_1}"),
    (f"60485 5 1 {SHA_1[:8]} {SHA_1[8:]}", f"60485 5 1 {SHA_1}"),
    (f"60485 5 1 ( {SHA_1[:8]}\n   {SHA_1[8:]} )", f"60485 5 1 {SHA_1}"),
    (f"(60485 5 1 {SHA_1})", f"60485 5 1 {SHA_1}"),
    (f"  60485\t5   1 {SHA_1}  ", f"60485 5 1 {SHA_1}"),
    (f"060485 05 01 {SHA_1}", f"60485 5 1 {SHA_1}"),
    (rf"\# 24 ec450501{SHA_1}", f"60485 5 1 {SHA_1}"),
]
NO_DS = [
    ("", "rdata_invalid"),
    ("60485", "rdata_invalid"),
    ("60485 5", "rdata_invalid"),
    ("60485 5 1", "rdata_invalid"),
    (f"65536 5 1 {SHA_1}", "number_invalid"),
    (f"-1 5 1 {SHA_1}", "number_invalid"),
    (f"x 5 1 {SHA_1}", "number_invalid"),
    (f"1.5 5 1 {SHA_1}", "number_invalid"),
    (f"٤ 5 1 {SHA_1}", "number_invalid"),
    (f"{'9' * 5000} 5 1 {SHA_1}", "number_invalid"),
    (f"60485 256 1 {SHA_1}", "number_invalid"),
    (f"60485 0 1 {SHA_1}", "number_invalid"),
    (f"60485 RSA 1 {SHA_1}", "number_invalid"),
    (f"60485 5 256 {SHA_1}", "number_invalid"),
    (f"60485 5 0 {SHA_1}", "number_invalid"),
    (f"60485 5 SHA-1 {SHA_1}", "number_invalid"),
    (f"60485 5 1 {SHA_1}00", "digest_invalid"),
    (f"60485 5 1 {SHA_1[:-2]}", "digest_invalid"),
    (f"60485 5 1 {SHA_1[:-1]}", "hex_invalid"),
    (f"60485 8 2 {SHA_1}", "digest_invalid"),
    (f"60485 8 4 {SHA_256}", "digest_invalid"),
    ("60485 13 5 aa", "digest_invalid"),
    ("60485 13 6 aa", "digest_invalid"),
    ("60485 5 1 xyz", "hex_invalid"),
    (f"60485 5 1 0x{SHA_1}", "hex_invalid"),
    (f"60485 5 1 {SHA_1} ; comment", "rdata_invalid"),
    (f"60485 5 1\n{SHA_1}", "rdata_invalid"),
    (f"60485 5 1 ( {SHA_1}", "rdata_invalid"),
    (f"60485 5 1 {SHA_1} )", "rdata_invalid"),
    (f"(60485 (5) 1 {SHA_1})", "rdata_invalid"),
    (f'60485 5 1 "{SHA_1}', "rdata_invalid"),
    (f"60485 5 1 {SHA_1}\0", "hex_invalid"),
    (f"60485 5 1 {SHA_1[:-2]}é", "hex_invalid"),
    ("60485 5 1 " + "a" * 200_001, "hex_invalid"),
    ("( " * 100_000, "rdata_invalid"),
    ('"' * 99_999, "rdata_invalid"),
    ("\\" * 99_999, "rdata_invalid"),
    (r"\# 3 000001", "rdata_invalid"),
]
KEY: Rows = [
    f"256 3 5 {RSA}",  # RFC 4034 2.3
    f"257 3 8 {LONG_EXPONENT}",
    f"257 3 13 {KEY_13}",
    f"256 3 14 {KEY_14}",
    f"257 3 15 {KEY_15}",
    f"257 3 16 {KEY_16}",
    f"0 3 15 {KEY_15}",
    f"385 3 15 {KEY_15}",  # revoked, RFC 5011 7
    "257 3 253 AAAA",
    (f"257 3 ECDSAP256SHA256 {KEY_13}", f"257 3 13 {KEY_13}"),
    (f"257 3 ed448 {KEY_16}", f"257 3 16 {KEY_16}"),
    (f"257 3 15 ( {KEY_15[:20]}\n {KEY_15[20:]} )", f"257 3 15 {KEY_15}"),
    (f'257 3 15 "{KEY_15}"', f"257 3 15 {KEY_15}"),
]
NO_KEY = [
    ("", "rdata_invalid"),
    ("257 3 15", "rdata_invalid"),
    (f"65536 3 15 {KEY_15}", "number_invalid"),
    (f"ZONE 3 15 {KEY_15}", "number_invalid"),
    (f"257 2 15 {KEY_15}", "number_invalid"),
    (f"257 0 15 {KEY_15}", "number_invalid"),
    (f"257 256 15 {KEY_15}", "number_invalid"),
    (f"257 3 0 {KEY_15}", "number_invalid"),
    (f"257 3 256 {KEY_15}", "number_invalid"),
    (f"257 3 ED {KEY_15}", "number_invalid"),
    (f"257 3 13 {KEY_15}", "key_invalid"),
    (f"257 3 14 {KEY_13}", "key_invalid"),
    (f"257 3 15 {KEY_13}", "key_invalid"),
    (f"257 3 16 {KEY_15}", "key_invalid"),
    ("257 3 12 AQ==", "key_invalid"),
    ("257 3 17 AQ==", "key_invalid"),
    ("257 3 23 AQ==", "key_invalid"),
    ("257 3 8 AQ==", "key_invalid"),
    ("257 3 8 AAAB", "key_invalid"),
    ("257 3 5 A/8=", "key_invalid"),
    (f"257 3 15 {KEY_15[:-1]}", "base64_invalid"),
    (f"257 3 15 {KEY_15}=", "base64_invalid"),
    ("257 3 15 ****", "base64_invalid"),
    ("257 3 15 =", "base64_invalid"),
    ("257 3 15 é", "base64_invalid"),
    (f"257 3 15 {KEY_15} ; KSK; alg = ED25519", "rdata_invalid"),
]
GOOD: Good = {
    "DS": DS,
    "CDS": [
        *DS,
        "0 0 0 00",
        ("0 0 0 0", "0 0 0 00"),
        (" 0  0 0 0 ", "0 0 0 00"),
        ('0 0 0 "00"', "0 0 0 00"),
        ("( 0 0 0 00 )", "0 0 0 00"),
        (r"\# 5 0000000000", "0 0 0 00"),
    ],
    "DNSKEY": KEY,
    "CDNSKEY": [*KEY, "0 3 0 AA==", ("0 3 0  AA==", "0 3 0 AA=="), ("0 3 0 0", "0 3 0 AA==")],
}
BAD: Bad = {
    "DS": [*NO_DS, ("0 0 0 00", "number_invalid"), ("0 0 0 0", "number_invalid")],
    "CDS": [
        *NO_DS,
        ("0 0 0 01", "number_invalid"),
        ("1 0 0 00", "number_invalid"),
        ("0 0 0", "number_invalid"),
    ],
    "DNSKEY": [*NO_KEY, ("0 3 0 AA==", "number_invalid")],
    "CDNSKEY": [*NO_KEY, ("0 3 0 AAA=", "number_invalid"), ("0 2 0 AA==", "number_invalid")],
}
