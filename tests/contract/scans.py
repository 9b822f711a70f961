"""Scans for the contract tests, in a line each."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from scanner.model import (
    Coverage,
    Device,
    Outcome,
    PageCapture,
    Profile,
    ScanKind,
    ScanRecord,
    ScanState,
    SignalKind,
    StopReason,
)
from scanner.ports import Store
from scanner.store.engine import connect, parse_url, transaction
from tests import make
from tests.make import NOW, RULES

LATER = NOW + timedelta(days=1000)
PAGES = ("/", "/a", "/b")
PLAIN = Profile()
HOSTILE = "\x00 \ud83d\ude00 \udc80 😀 \\u0000 \\ '\" \r\n %s"
"""A NUL, surrogates apart and alone, our own escapes, quotes."""


def begin(
    store: Store, site: str = "clinic", day: int = 0, profile: Profile = PLAIN, kind: ScanKind = ScanKind.FULL
) -> ScanRecord:
    return store.begin_scan(site, NOW + timedelta(days=day), profile, "1.0", RULES, "config-1", kind)


def save(store: Store, scan: ScanRecord, *paths: str) -> None:
    for path in paths:
        store.save_visit(scan.id, make.capture(path), make.inventory(path, [make.sighting()]), RULES)


WHOLE = Coverage(planned=3, ok=3)


def finish(
    store: Store, scan: ScanRecord, state: ScanState = ScanState.COMPLETE, coverage: Coverage = WHOLE
) -> ScanRecord:
    return store.finish_scan(scan.id, state, scan.started_at + timedelta(hours=1), coverage, ())


def full_capture(path: str = "/") -> PageCapture:
    """A capture with everything in it, large and small, binary and hostile."""
    code = "pintrk('load', '2612000000001'); " * 20
    requests = [
        make.request(body=None),
        make.request(body=b"\xff\x00\xfe", headers=(("referer", HOSTILE),)),
        make.request(body=b"replay " * 4000, url="https://replay.example/"),
        make.script(
            response_body=b"config " * 100, initiators=(make.initiator(line=3), make.initiator("parser", None))
        ),
    ]
    return make.capture(
        path,
        requests,
        title=HOSTILE,
        signals=(make.signal(SignalKind.INLINE, text=code), make.signal(SignalKind.INLINE, text=HOSTILE * 40)),
        cookies=(make.cookie(lifetime_s=3600),),
        storage=(make.storage_key(),),
        links=(make.link(),),
        screenshot=b"\x89PNG\r\n\x1a\n" * 50,
        outcome=Outcome.PARTIAL,
        stop_reason=StopReason.TOO_MUCH_DATA,
        profile=Profile(device=Device.MOBILE, gpc=True),
        duration_ms=4_500,
    )


def past_scan(
    store: Store,
    day: int,
    state: ScanState = ScanState.COMPLETE,
    profile: Profile = PLAIN,
    site: str = "clinic",
    coverage: Coverage = WHOLE,
    kind: ScanKind = ScanKind.FULL,
) -> ScanRecord:
    scan = begin(store, site, day, profile, kind)
    save(store, scan, *PAGES)
    return finish(store, scan, state, coverage)


def execute(url: str, *statements: str) -> None:
    """Do to the database what tagdrift itself never would."""
    engine = connect(parse_url(url))
    with transaction(engine, writes=True) as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()
