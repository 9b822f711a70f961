"""Laws of the stored form: what goes in comes out, equal values have equal bytes, strangers are refused."""

from __future__ import annotations

import json
from dataclasses import MISSING, dataclass, fields, is_dataclass, replace
from datetime import UTC, date, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.model import (
    Approval,
    Coverage,
    Drift,
    Finding,
    Outcome,
    PageCapture,
    PageInventory,
    Profile,
    RequestRecord,
    ScanRecord,
    ScanState,
    Secret,
    SignalKind,
    SkippedPage,
    SourceSignal,
    VisitTask,
)
from scanner.store.codec import CodecError, Format, bytes_text, text_bytes
from scanner.store.documents import CAPTURE, COVERAGE, INVENTORY, PROFILE, SCAN, SKIPPED, pack, unpack
from scanner.store.tables import AnyText, UtcTime

ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=12)
"""Surrogates and NULs included: pages are hostile."""
TIMES = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SCALARS: dict[Any, st.SearchStrategy[Any]] = {
    str: ANY_TEXT | st.just("inline code, " * 30),
    bytes: st.binary(max_size=12) | st.binary(min_size=260, max_size=300) | st.just(b"{}" * 8192),
    int: st.integers(),
    bool: st.booleans(),
    datetime: TIMES,
    date: st.dates(),
}


def values(hint: Any) -> st.SearchStrategy[Any]:
    """A strategy for any type of the model, read from its hints; small enough to be quick."""
    origin, args = get_origin(hint), get_args(hint)
    if hint in SCALARS:
        return SCALARS[hint]
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    if is_dataclass(hint):
        return st.deferred(lambda: _instances(hint))
    if origin in (Union, UnionType):
        return st.one_of(*(st.none() if arg is NoneType else values(arg) for arg in args))
    if origin is tuple and args[1:] == (Ellipsis,):
        return st.lists(values(args[0]), max_size=2).map(tuple)
    assert origin is tuple, hint
    return st.tuples(*(values(arg) for arg in args))


def _instances(kind: Any) -> st.SearchStrategy[Any]:
    hints = get_type_hints(kind)
    required = {f.name: values(hints[f.name]) for f in fields(kind) if f.default is f.default_factory is MISSING}
    optional = {f.name: values(hints[f.name]) for f in fields(kind) if f.name not in required}
    return st.fixed_dictionaries(required, optional=optional).map(lambda arguments: kind(**arguments))


FORMATS: list[Format[Any]] = [CAPTURE, INVENTORY, SKIPPED, COVERAGE, PROFILE, SCAN]


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.kind)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_what_is_stored_comes_back_equal_and_with_equal_bytes(form: Format[Any], data: st.DataObject) -> None:
    value = data.draw(values(form.type))
    document, blobs = form.dump(value)
    again = form.load(document, blobs)
    assert again == value
    assert form.dump(again) == (document, blobs)
    assert unpack(pack(document)) == document


@pytest.mark.parametrize("kind", [Approval, Drift, Finding, VisitTask], ids=lambda kind: kind.__name__)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_every_other_value_of_the_line_has_a_stored_form_when_it_is_needed(kind: Any, data: st.DataObject) -> None:
    form: Format[Any] = Format(kind.__name__, kind)
    value = data.draw(values(kind))
    assert form.load(form.dumps(value)) == value


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_survives_as_bytes_and_as_a_column(text: str) -> None:
    assert bytes_text(text_bytes(text)) == text
    column = AnyText()
    stored = column.process_bind_param(text, None)  # type: ignore[arg-type]
    assert stored is not None
    assert "\x00" not in stored
    stored.encode("utf-8")
    assert column.process_result_value(stored, None) == text  # type: ignore[arg-type]


@given(ANY_TEXT, ANY_TEXT)
def test_bytes_sort_as_their_texts_do(a: str, b: str) -> None:
    assert (a < b) == (text_bytes(a) < text_bytes(b))


@given(TIMES)
def test_times_are_exact_to_the_microsecond(time: datetime) -> None:
    column = UtcTime()
    assert column.process_result_value(column.process_bind_param(time, None), None) == time  # type: ignore[arg-type]


# --------------------------------------------------------------------------- what leaves the document


@pytest.mark.parametrize(
    ("part", "apart"),
    [
        pytest.param(RequestRecord("u", response_body=b"r" * 256), [b"r" * 256], id="response body"),
        pytest.param(RequestRecord("u", response_body=b"r" * 255), [], id="short response body"),
        pytest.param(RequestRecord("u", response_body=b""), [], id="empty is not unknown"),
        pytest.param(RequestRecord("u", body=b"b" * 16_384), [b"b" * 16_384], id="huge request body"),
        pytest.param(RequestRecord("u", body=b"b" * 16_383), [], id="request body"),
        pytest.param(
            SourceSignal(SignalKind.INLINE, text="é\udc80" * 128),
            ["é\udc80".encode("utf-8", "surrogatepass") * 128],
            id="code",
        ),
        pytest.param(SourceSignal(SignalKind.INLINE, text="c" * 255), [], id="short code"),
    ],
)
def test_what_many_pages_share_leaves_the_document(part: RequestRecord | SourceSignal, apart: list[bytes]) -> None:
    bare = PageCapture("p", "p", "p", Outcome.OK, datetime(2026, 1, 1, tzinfo=UTC), screenshot=b"png")
    if isinstance(part, RequestRecord):
        capture = replace(bare, requests=(part,))
    else:
        capture = replace(bare, signals=(part,))
    document, blobs = CAPTURE.dump(capture)
    assert list(blobs) == [*apart, b"png"]
    assert CAPTURE.load(document, blobs) == capture


# --------------------------------------------------------------------------- versions


@dataclass(frozen=True)
class Now:
    name: str
    colours: tuple[str, ...] = ()
    size_bytes: int = 7


def split_colours(value: dict[str, Any]) -> dict[str, Any]:
    return {**value, "colours": value["colours"].split(",")}


def rename_title(value: dict[str, Any]) -> dict[str, Any]:
    return {("name" if key == "title" else key): part for key, part in value.items()}


THINGS: Format[Now] = Format("thing", Now, steps=(split_colours, rename_title))


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param(["thing", 3, {"name": "a"}], Now("a"), id="missing fields take their defaults"),
        pytest.param(["thing", 2, {"title": "a", "colours": ["x"]}], Now("a", ("x",)), id="one step"),
        pytest.param(["thing", 1, {"title": "a", "colours": "x,y"}], Now("a", ("x", "y")), id="two steps"),
    ],
)
def test_older_documents_are_brought_up_to_date(stored: Any, expected: Now) -> None:
    assert THINGS.load(json.dumps(stored).encode()) == expected


@pytest.mark.parametrize(
    ("stored", "says"),
    [
        pytest.param(["thing", 4, {"name": "a"}], "format 4, this tagdrift knows 1 to 3", id="newer format"),
        pytest.param(["thing", 0, {"name": "a"}], "format 0", id="format zero"),
        pytest.param(["thing", 3, {"name": "a", "weight": 1}], "does not know: weight", id="unknown field"),
        pytest.param(["thing", 3, {}], "name", id="a missing field without a default"),
        pytest.param(["thing", 3, {"name": 5}], "expected str, found int", id="another type"),
        pytest.param(["thing", 3, {"name": "a", "colours": "xy"}], "expected a list", id="text for a list"),
        pytest.param(["thing", 3, {"name": "a", "size_bytes": True}], "expected int", id="a truth for a number"),
        pytest.param(["thing", 3, ["a"]], "expected Now", id="a list for a dataclass"),
        pytest.param(["thing", 1, {"name": "a"}], "damaged", id="an older one that was never right"),
        pytest.param(["other", 1, {}], "not a thing document", id="another kind"),
        pytest.param({}, "not a thing document", id="no document"),
    ],
)
def test_strangers_are_refused(stored: Any, says: str) -> None:
    with pytest.raises(CodecError, match=says):
        THINGS.load(json.dumps(stored).encode())


@given(st.binary(max_size=200))
def test_no_bytes_do_worse_than_a_codec_error(raw: bytes) -> None:
    for load in (THINGS.load, CAPTURE.load, unpack):
        with pytest.raises(CodecError):
            load(raw)


@settings(deadline=None)
@given(st.data())
def test_a_damaged_document_never_passes_for_another_type(data: st.DataObject) -> None:
    document, blobs = CAPTURE.dump(data.draw(values(PageCapture)))
    at = data.draw(st.integers(0, len(document) - 1))
    damaged = document[:at] + bytes([document[at] ^ data.draw(st.integers(1, 255))]) + document[at + 1 :]
    try:
        found = CAPTURE.load(damaged, blobs)
    except CodecError:
        return
    assert isinstance(found, PageCapture)
    assert CAPTURE.load(*CAPTURE.dump(found)) == found


def test_secrets_have_no_stored_form() -> None:
    @dataclass(frozen=True)
    class Careless:
        password: Secret | None = None

    Careless.__annotations__["password"] = Secret | None
    with pytest.raises(TypeError, match="never stored"):
        Format[Any]("careless", Careless).dumps(Careless())


def test_a_time_without_a_zone_is_refused() -> None:
    record = ScanRecord(1, "clinic", ScanState.RUNNING, datetime(2026, 1, 1, tzinfo=UTC))
    naive = replace(record, started_at=datetime(2026, 1, 1))  # noqa: DTZ001
    with pytest.raises(ValueError, match="time zone"):
        SCAN.dumps(naive)


# --------------------------------------------------------------------------- formats written down


@pytest.mark.parametrize(
    ("form", "value", "document"),
    [
        (PROFILE, Profile(), b'["profile",1,{}]'),
        (COVERAGE, Coverage(planned=2, ok=1, failed=1), b'["coverage",1,{"planned":2,"ok":1,"failed":1}]'),
        (SKIPPED, (SkippedPage("u", "robots"),), b'["skipped",1,[{"url":"u","reason":"robots"}]]'),
        (
            INVENTORY,
            PageInventory("p", "q", Outcome.PARTIAL, title="\x00"),
            b'["inventory",1,{"page":"p","final_url":"q","outcome":"partial","title":"\\u0000"}]',
        ),
        (
            CAPTURE,
            PageCapture(
                page="p",
                url="p",
                final_url="p",
                outcome=Outcome.OK,
                started_at=datetime(2026, 1, 1, tzinfo=UTC),
                requests=(
                    RequestRecord("u", body=b"\xff"),
                    RequestRecord("u", body=None),
                    RequestRecord("u", body=b"x"),
                ),
            ),
            b'["capture",1,{"page":"p","url":"p","final_url":"p","outcome":"ok","started_at":"2026-01-01T00:00:00+00:00",'
            b'"requests":[{"url":"u","body":"b:/w=="},{"url":"u","body":null},{"url":"u","body":"u:x"}]}]',
        ),
    ],
    ids=lambda value: value.kind if isinstance(value, Format) else "",
)
def test_the_written_form_stays(form: Format[Any], value: Any, document: bytes) -> None:
    """A failure here means that stores in the field would be read differently: it needs a version and a step."""
    assert form.dumps(value) == document
    assert form.load(document) == value
