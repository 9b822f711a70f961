"""A known person's values are found wherever they stand and however they are wrapped; nobody else's alarm."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable
from urllib.parse import quote

import pytest

from rules.leak_hashes import _ripemd160 as own_ripemd160
from rules.leak_hashes import murmur3_32, murmur3_128, ripemd160
from rules.leaks import Certainty, KnownIdentity, Leak, LeakIndex, find_leaks, is_placeholder
from scanner.model import ExposureKind, Form, RequestRecord
from tests.timing import BOUND, yardsticks

EMAIL = "Ana.Test+x9@mail-canary.example"
INDEX = LeakIndex.build(
    [
        KnownIdentity(ExposureKind.EMAIL, EMAIL, "canary e-mail"),
        KnownIdentity(ExposureKind.PHONE, "(312) 555-0147", "canary phone"),
        KnownIdentity(ExposureKind.NAME, "Ana Okonkwo", "canary name"),
        KnownIdentity(ExposureKind.EXTERNAL_ID, "MRN-0048213", "canary record number"),
        KnownIdentity(ExposureKind.DATE_OF_BIRTH, "1984-03-07", "canary birth date"),
        KnownIdentity(ExposureKind.ADDRESS, "4821 Juniper Hollow Rd, Springfield, IL 62704", "canary address"),
        KnownIdentity(ExposureKind.FREE_TEXT, "numbness in my left hand", "canary symptom"),
    ]
)
NOBODY = LeakIndex.build([])


def b64(text: str | bytes) -> str:
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def b64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def leaks_of(value: str, parameter: str = "x") -> tuple[Leak, ...]:
    return find_leaks(RequestRecord(f"https://t.vendor.test/c?a=1&{parameter}={value}&z=2"), INDEX, shapes=False)


def labels(leaks: tuple[Leak, ...]) -> list[str]:
    return [leak.label or "" for leak in leaks]


@pytest.mark.parametrize(
    ("value", "label"),
    [
        (EMAIL, "canary e-mail"),
        (EMAIL.lower(), "canary e-mail"),
        (EMAIL.upper(), "canary e-mail"),
        ("ana.test@mail-canary.example", "canary e-mail"),
        ("anatest%40mail-canary.example", "canary e-mail"),
        ("mailto:ana.test%2bx9%2540mail-canary.example", "canary e-mail"),
        ("ana.test x9@mail-canary.example", "canary e-mail"),
        ("ana.test%u002bx9%u0040mail-canary.example", "canary e-mail"),
        ("ana.test&#43;x9&#64;mail-canary.example".replace("&", "%26").replace("#", "%23"), "canary e-mail"),
        ("ana.test+x9", "canary e-mail"),
        ("3125550147", "canary phone"),
        ("13125550147", "canary phone"),
        ("%2B13125550147", "canary phone"),
        ("+1 (312) 555-0147", "canary phone"),
        ("312.555.0147", "canary phone"),
        ("312-555-0147", "canary phone"),
        ("0013125550147", "canary phone"),
        ("tel:+1-312-555-0147", "canary phone"),
        ("Ana+Okonkwo", "canary name"),
        ("okonkwo,%20ana", "canary name"),
        ("AnaOkonkwo", "canary name"),
        ("mrn-0048213", "canary record number"),
        ("1984-03-07", "canary birth date"),
        ("03%2F07%2F1984", "canary birth date"),
        ("19840307", "canary birth date"),
        ("4821+juniper+hollow+rd", "canary address"),
        ("numbness-in-my-left-hand", "canary symptom"),
        ("Numbness%20in%20my%20left%20hand%2C%20doctor", "canary symptom"),
    ],
)
def test_readable_spellings_are_found(value: str, label: str) -> None:
    [leak] = leaks_of(value)
    assert (leak.label, leak.form, leak.field) == (label, Form.PLAIN, "x")


@pytest.mark.parametrize(
    "value",
    [
        "diana.test+x9@mail-canary.example",
        "ana.test+x9@mail-canary.example.org",
        "someone@mail-canary.example",
        "93125550147",
        "31255501471",
        "1312555014700",
        "MRN-00482131",
        "banana okonkwo",
        "ana okonkwor",
        "1984-03-071",
        "numbness in my left handbag",
        "4821",
        "springfield",
        "ana",
    ],
)
def test_other_peoples_values_are_not(value: str) -> None:
    assert leaks_of(quote(value)) == ()


LOWER = EMAIL.lower()
HASHES: dict[str, Callable[[bytes], bytes]] = {
    name.replace("_", "-"): (lambda raw, name=name: hashlib.new(name, raw).digest())
    for name in ("md5", "sha1", "sha224", "sha256", "sha384", "sha512", "sha3_224", "sha3_256", "sha3_384", "sha3_512")
} | {
    "ripemd160": own_ripemd160,
    "blake2b": lambda raw: hashlib.blake2b(raw).digest(),
    "blake2b-256": lambda raw: hashlib.blake2b(raw, digest_size=32).digest(),
    "blake2s": lambda raw: hashlib.blake2s(raw).digest(),
    "murmur3-128": murmur3_128,
}


@pytest.mark.parametrize("name", HASHES)
def test_every_hash_in_every_spelling(name: str) -> None:
    raw = HASHES[name](LOWER.encode())
    for token in (
        raw.hex(),
        raw.hex().upper(),
        b64url(raw),
        quote(b64(raw), safe=""),
        f"h_{raw.hex()}",
        b64(raw.hex()),
    ):
        [leak] = leaks_of(token)
        assert (leak.label, leak.form, leak.hash) == ("canary e-mail", Form.HASHED, name), token
        assert leak.certainty is Certainty.CERTAIN


@pytest.mark.parametrize(
    ("text", "normalisation"),
    [
        (LOWER, "lower-case"),
        (EMAIL, "as typed"),
        ("ana.test@mail-canary.example", "without +tag"),
        ("anatest+x9@mail-canary.example", "without dots"),
        ("anatest@mail-canary.example", "without dots and +tag"),
        ("mailto:" + LOWER, "with mailto:"),
        ("13125550147", "digits with country code"),
        ("+13125550147", "E.164"),
        ("3125550147", "national digits"),
        ("(312) 555-0147", "as typed"),
        ("ana", "first name, lower-case"),
        ("okonkwo", "last name, lower-case"),
        ("19840307", "YYYYMMDD"),
        ("mrn-0048213", "lower-case"),
    ],
)
def test_the_hash_names_the_normalisation(text: str, normalisation: str) -> None:
    [leak] = leaks_of(sha256(text), "em")
    assert leak.normalisation == normalisation


@pytest.mark.parametrize(
    ("token", "name"),
    [
        (sha256(hashlib.md5(LOWER.encode()).hexdigest()), "sha256 of md5"),
        (hashlib.md5(sha256(LOWER).encode()).hexdigest(), "md5 of sha256"),
        (sha256(hashlib.md5(hashlib.sha1(LOWER.encode()).hexdigest().encode()).hexdigest()), "sha256 of md5 of sha1"),
        (sha256(b64(LOWER)), "sha256 of base64"),
        (sha256(quote(LOWER, safe="")), "sha256 of URL-encoding"),
        (sha256(LOWER)[:32], "sha256 cut to 128 bits"),
        (sha256(sha256(LOWER).upper()), "sha256 of sha256"),
    ],
)
def test_hashes_of_hashes(token: str, name: str) -> None:
    [leak] = leaks_of(token)
    assert leak.hash == name


@pytest.mark.parametrize(
    ("token", "chain"),
    [
        (b64(LOWER), ("query.x", "base64")),
        (b64(LOWER).rstrip("="), ("query.x", "base64")),
        (b64(b64(b64(LOWER))), ("query.x", "base64", "base64", "base64")),
        (LOWER.encode().hex(), ("query.x", "hex")),
        (LOWER.encode().hex().upper(), ("query.x", "hex")),
        (base64.b32encode(LOWER.encode()).decode(), ("query.x", "base32")),
        (b64(gzip.compress(LOWER.encode(), mtime=0)), ("query.x", "base64", "gzip")),
        (b64(zlib.compress(LOWER.encode())), ("query.x", "base64", "zlib")),
        (b64(zlib.compress(LOWER.encode())[2:-4]), ("query.x", "base64", "deflate")),
        (
            b64(json.dumps({"user": {"mail": LOWER}})),
            ("query.x", "base64", "json", "user.mail"),
        ),
        (
            "eyJhbGciOiJIUzI1NiJ9." + b64url(json.dumps({"sub": LOWER}).encode()) + ".c2lnbmF0dXJl",
            ("query.x", "jwt", "json", "sub"),
        ),
        (f"seg/{b64(LOWER)}/end", ("query.x", "base64")),
    ],
)
def test_wrapped_values_come_with_the_chain(token: str, chain: tuple[str, ...]) -> None:
    [leak] = leaks_of(token.replace("+", "%2B"))
    assert leak.label == "canary e-mail"
    assert tuple(step for step in leak.chain if step != "url-decode") == chain
    assert leak.form is Form.ENCODED


@pytest.mark.parametrize("before", ["", "a", "ab", "abc", "abcd"])
def test_base64_glued_to_other_symbols_is_found_at_every_alignment(before: str) -> None:
    token = base64.b64encode(b"\xff\xfe\x01" + before.encode() + LOWER.encode() + b"\x80\x81").decode().rstrip("=")
    [leak] = leaks_of("Q" + token.replace("+", "%2B"))
    assert (leak.label, leak.form) == ("canary e-mail", Form.ENCODED)


def test_the_chain_of_a_pinterest_style_parameter() -> None:
    inner = quote(json.dumps({"em": LOWER, "np": "gtm"}), safe="")
    [leak] = find_leaks(RequestRecord(f"https://ct.pinterest.com/v3/?tid=1&ed={inner}"), INDEX)
    assert leak.path == "query.ed → url-decode → json → em"
    assert leak.field == "ed.em"
    assert leak.certainty is Certainty.CERTAIN


def test_two_fields_with_one_address_are_two_leaks() -> None:
    body = json.dumps({"email": LOWER, "user": {"contact": LOWER}}).encode()
    leaks = find_leaks(RequestRecord("https://t.test/", method="POST", body=body), INDEX)
    assert [leak.field for leak in leaks] == ["email", "user.contact"]


@pytest.mark.parametrize(
    ("request_", "where", "field"),
    [
        (RequestRecord(f"https://t.test/u/{quote(LOWER)}/pixel.gif"), "url", "path"),
        (RequestRecord(f"https://t.test/activity;u1={quote(LOWER)};ord=1?"), "url", "u1"),
        (RequestRecord(f"https://t.test/#contact={LOWER}"), "url", "contact"),
        (
            RequestRecord("https://t.test/", headers=(("referer", f"https://c.test/?email={quote(LOWER)}"),)),
            "header.referer",
            "email",
        ),
        (
            RequestRecord("https://t.test/", headers=(("cookie", f"a=1; _rdt_em={sha256(LOWER)}"),)),
            "header.cookie",
            "_rdt_em",
        ),
        (RequestRecord("https://t.test/", body=f"a=1&em={sha256(LOWER)}".encode()), "body", "em"),
        (RequestRecord("https://t.test/", body=b'{"pd":{"em":"' + sha256(LOWER).encode() + b'"}}'), "body", "pd.em"),
        (
            RequestRecord("https://t.test/", body=gzip.compress(b'{"who":"' + LOWER.encode() + b'"}', mtime=0)),
            "body",
            "who",
        ),
        (
            RequestRecord("https://t.test/", body=f"en=a\r\nen=b&ep.mail={quote(LOWER)}".encode()),
            "body",
            "line 2.ep.mail",
        ),
        (
            RequestRecord("https://t.test/", body=b'{"who":"ana.test\\u002bx9\\u0040mail-canary.example"}'),
            "body",
            "who",
        ),
        (
            RequestRecord("https://t.test/", body=b'{"message":"{\\"em\\":\\"' + LOWER.encode() + b'\\"}"}'),
            "body",
            "message.em",
        ),
        (
            RequestRecord("https://t.test/", body=b"\x0a\x1f" + LOWER.encode() + b"\x12\x05hello\x00\x01\xff"),
            "body",
            "body",
        ),
        (
            RequestRecord("https://t.test/", body=b"\x0a\x40" + sha256(LOWER).encode() + b"\x12\x05hello"),
            "body",
            "body",
        ),
        (
            RequestRecord(
                "https://t.test/",
                content_type="multipart/form-data; boundary=zz",
                body=b'--zz\r\nContent-Disposition: form-data; name="ud[em]"\r\n\r\n'
                + LOWER.encode()
                + b"\r\n--zz--\r\n",
            ),
            "body",
            "ud[em]",
        ),
    ],
)
def test_every_part_of_a_request_is_searched(request_: RequestRecord, where: str, field: str) -> None:
    [leak] = find_leaks(request_, INDEX)
    assert (leak.label, leak.where, leak.field) == ("canary e-mail", where, field)


def test_a_hidden_body_is_not_searched_and_nothing_is_claimed() -> None:
    assert find_leaks(RequestRecord("https://t.test/", body=None), INDEX) == ()


def test_checksums_count_only_in_a_field_that_says_what_it_holds() -> None:
    for number in (zlib.crc32(LOWER.encode()), murmur3_32(LOWER.encode())):
        for token in (f"{number:08x}", str(number)):
            assert leaks_of(token, "cb") == ()
            [leak] = leaks_of(token, "email_hash")
            assert leak.certainty is Certainty.LIKELY


def test_what_many_people_share_is_only_possible() -> None:
    [leak] = leaks_of(sha256("mail-canary.example"), "d")
    assert leak.certainty is Certainty.POSSIBLE


def test_reports_never_show_the_value_by_accident() -> None:
    [leak] = leaks_of(LOWER)
    assert LOWER not in repr(leak)
    assert "Ana" not in repr(INDEX)


# --------------------------------------------------------------------------- shapes

DIGEST = sha256("somebody.else@inbox.test")


def shapes_of(query: str) -> list[tuple[str, str, str, str | None]]:
    leaks = find_leaks(RequestRecord(f"https://t.vendor.test/c?{query}"), NOBODY)
    return [(leak.kind.value, leak.field, leak.certainty.value, leak.placeholder) for leak in leaks]


@pytest.mark.parametrize(
    ("query", "kind", "field", "certainty"),
    [
        (f"em={DIGEST}", "email", "em", "likely"),
        (f"ud[em]={DIGEST}", "email", "ud[em]", "likely"),
        (f"hem={DIGEST[:32]}", "email", "hem", "likely"),
        (f"em=tv.1~em.{b64url(bytes.fromhex(DIGEST))}", "email", "em.em", "likely"),
        (f"pd=%7B%22ph%22%3A%22{DIGEST}%22%7D", "phone", "pd.ph", "likely"),
        (f"external_id={DIGEST}", "external_id", "external_id", "possible"),
        ("email=jo.public%40inbox.test", "email", "email", "certain"),
        ("q=jo.public%40inbox.test", "email", "q", "likely"),
        ("q=please+write+to+jo.public%40inbox.test+soon", "email", "q", "possible"),
        ("link=mailto%3Ainfo%40clinic.test", "email", "link", "possible"),
        ("u=https%3A%2F%2Fclinic.test%2Foptout%2Fjo.public%40inbox.test%2Fend", "email", "u", "likely"),
        ("dt=Welcome+back+jo.public%40gmail.com", "email", "dt", "likely"),
        ("link=mailto%3Ajo.public%40gmail.com", "email", "link", "possible"),
        (f"v={DIGEST}&em={DIGEST}", "email", "em", "likely"),
        (f"user_eml_sha256={DIGEST}", "email", "user_eml_sha256", "likely"),
        (f"mobileHash={DIGEST}", "phone", "mobileHash", "likely"),
        ("phone=%2B44%207700%20900123", "phone", "phone", "likely"),
        ("q=my+SSN+is+123-45-6789", "external_id", "q", "likely"),
        ("phone=%28312%29%20555-0199", "phone", "phone", "likely"),
        ("ph=13125550199", "phone", "ph", "likely"),
        ("q=call+312-555-0199+today", "phone", "q", "possible"),
        ("ssn=123456789", "external_id", "ssn", "certain"),
        ("q=123-45-6789", "external_id", "q", "likely"),
        ("mrn=00482137", "external_id", "mrn", "likely"),
        ("note=MRN%3A%2000482137", "external_id", "note", "likely"),
        ("dob=1971-02-03", "date_of_birth", "dob", "likely"),
        ("first_name=Marta", "name", "first_name", "likely"),
        (f"x={b64('jo.public@inbox.test')}", "email", "x", "likely"),
    ],
)
def test_values_of_unknown_people_by_shape(query: str, kind: str, field: str, certainty: str) -> None:
    assert shapes_of(query) == [(kind, field, certainty, None)]


@pytest.mark.parametrize(
    "query",
    [
        f"v={DIGEST}&hme={DIGEST}&ex_m=1",
        f"src=/js/main.{DIGEST[:40]}.js&integrity=sha256-{DIGEST}",
        "cb=1700000000123&ts=1700000000&tid=2612345678901",
        "_fbp=fb.1.1700000000123.1234567890",
        "cid=123456789.1700000000&sid=1700000000",
        "v=10.15.7.312&ver=1.312.555.0199",
        "ip=192.168.100.1&date=2024-01-02&iso=2024-01-02T03:04:05",
        "id=123e4567-e89b-12d3-a456-426614174000",
        "icon=logo@2x.png&pkg=react@18.2.0&cdn=npm/lib@1.2.3/dist/x.js",
        "ua=iPhone&device=mobile&cell=0&platform=telephone",
        "price=123-45&zip=62704&order=1234567",
        "dsn=https%3A%2F%2F0123456789abcdef0123456789abcdef@o1.ingest.vendor.test%2F2",
        "phone=%2B&tel=%2B1%20%28",
        "q=call+800-555-0199+now",
        "phone=yes&email=1&em=&dob=false",
        "ssn=000-12-3456&q=900-12-3456",
        "uid=1234567890&user_id=abc",
        "dl=https%3A%2F%2Fwww.clinic.test%2Fcardiology%2F&dt=Cardiology",
    ],
)
def test_ordinary_parameters_look_like_nobody(query: str) -> None:
    assert shapes_of(query) == []


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("", "an empty value"),
        ("undefined", "the word undefined"),
        ("[object Object]", "the word [object object]"),
        ("{{email}}", "an unfilled template"),
        ("%%EMAIL%%", "an unfilled template"),
        ("${user.email}", "an unfilled template"),
        ("test@example.com", "an example from documentation"),
        (hashlib.md5(b"").hexdigest(), "hash of an empty value"),
        (hashlib.sha1(b"").hexdigest(), "hash of an empty value"),
        (sha256(""), "hash of an empty value"),
        (sha256("").upper(), "hash of an empty value"),
        (b64(hashlib.sha256(b"").digest()), "hash of an empty value"),
        (b64url(hashlib.sha256(b"undefined").digest()), "hash of the word undefined"),
        (sha256("null"), "hash of the word null"),
        (sha256("None"), "hash of the word None"),
        (sha256("{{email}}"), "hash of an unfilled template"),
        (sha256("test@example.com"), "hash of an example from documentation"),
        ("0" * 64, "Reddit's filler for an invalid e-mail"),
        ("0" * 63 + "1", "Reddit's filler for an unfilled template"),
        ("a" * 32, "a filler of one repeated digit"),
    ],
)
def test_values_of_nobody_are_named(value: str, words: str) -> None:
    assert is_placeholder(value) == words


@pytest.mark.parametrize("value", [DIGEST, LOWER, "jo.public@inbox.test", "3125550147", "x" * 5000, "Nguyen"])
def test_values_of_somebody_are_not(value: str) -> None:
    assert is_placeholder(value) is None


def test_a_hash_of_nothing_is_reported_as_a_misconfiguration() -> None:
    assert shapes_of(f"em={sha256('')}") == [("email", "em", "likely", "hash of an empty value")]


def test_own_hashes_agree_with_published_values() -> None:
    assert own_ripemd160(b"").hex() == "9c1185a5c5e9fc54612808977ee8f548b2258d31"
    assert own_ripemd160(b"a" * 200) == ripemd160(b"a" * 200)
    assert murmur3_32(b"hello") == 0x248BFA47
    assert murmur3_128(b"hello").hex() == "cbd8a7b341bd9b025b1e906a48ae1d19"


# --------------------------------------------------------------------------- hostile and large


HOSTILE = {
    "percent": "%25" * 300_000,
    "braces": '{"a":' * 200_000,
    "base64": b64(b"x" * 40) * 20_000,
    "tokens": " ".join(b64(f"token number {n}") for n in range(40_000)),
    "at signs": "a@" * 500_000,
    "digits": "312-555-" * 120_000,
    "local parts": "a." * 500_000 + "@x",
    "quotes": '"' * 1_000_000,
    "pairs": "em=" * 330_000,
    "phone words": "phone " * 160_000,
    "lines": "\n" * 1_000_000,
    "gates": "@mail-canary.example" * 50_000,
    "last digits": "0147" * 250_000,
    "bomb": b64(gzip.compress(b"0" * 50_000_000, mtime=0)),
    "bombs": " ".join([b64(zlib.compress(b"0" * 4_000_000 + bytes([n]))) for n in range(60)] * 3),
    "lz": "N4Ig" * 250_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bodies_neither_raise_nor_hang(name: str) -> None:
    record = RequestRecord("https://t.test/?q=1", body=HOSTILE[name].encode()[:1_048_576])
    assert yardsticks(lambda: find_leaks(record, INDEX)) < BOUND
