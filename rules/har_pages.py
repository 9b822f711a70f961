"""Which request of a HAR file belongs to which page. Pages are optional in the format, and exporters know it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rules.har_entry import as_list, as_map, as_text
from scanner.model import Outcome, RequestRecord
from scanner.urls import host_of, same_site

_OUTCOMES = {outcome.value: outcome for outcome in Outcome}
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(slots=True)
class RawEntry:
    raw: dict[str, Any]
    records: list[RequestRecord]

    @property
    def record(self) -> RequestRecord:
        return self.records[0]


@dataclass(slots=True)
class Group:
    """The requests of one page. `url` is empty when nobody can say which page they belong to."""

    url: str = ""
    final_url: str = ""
    title: str | None = None
    outcome: Outcome = Outcome.OK
    entries: list[RawEntry] = field(default_factory=list)


def grouped(log: dict[str, Any], entries: list[RawEntry]) -> Iterator[Group]:
    """Sort entries into pages: by `pageref` where the file has pages, else by document and referer."""
    pages = [as_map(page) for page in as_list(log.get("pages"))]
    known = {page_id: page for page in pages if (page_id := _id(page.get("id")))}
    by_page: dict[str, list[RawEntry]] = {page_id: [] for page_id in known}
    strays: list[RawEntry] = []
    for entry in entries:
        reference = _id(entry.raw.get("pageref"))
        if reference:
            by_page.setdefault(reference, []).append(entry)
        elif len(known) == 1:
            next(iter(by_page.values())).append(entry)
        else:
            strays.append(entry)
    merged: dict[str, Group] = {}
    for page_id, its_entries in by_page.items():
        if its_entries:
            _merge(merged, _listed(known.get(page_id, {}), its_entries))
    for group in _by_document(strays):
        _merge(merged, group)
    yield from merged.values()


def _id(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int) else ""


def _merge(merged: dict[str, Group], group: Group) -> None:
    known = merged.setdefault(group.final_url, group)
    if known is not group:
        known.entries += group.entries


def _listed(page: dict[str, Any], entries: list[RawEntry]) -> Group:
    title = as_text(page.get("title")) or None
    url, final_url = _document_of(entries)
    addresses = ("_finalUrl", "_url", "_final_url", "_URL", "title")
    said = next((t for key in addresses if host_of(t := as_text(page.get(key)).strip())), "")
    if not url:
        url = final_url = said or _commonest_referer(entries)
    if host_of(as_text(page.get("_finalUrl"))):
        final_url = as_text(page["_finalUrl"])
    outcome = _OUTCOMES.get(as_text(page.get("_outcome")), Outcome.OK)
    # "Run 1, First View for https://…" is no title either.
    named = title is not None and not any(address and address in title for address in (url, final_url, said))
    return Group(url, final_url, title if named else None, outcome, entries)


def _document_of(entries: list[RawEntry]) -> tuple[str, str]:
    """The first document and where its redirects end: (url, final url); two empty texts if there is none."""
    first = last = ""
    expected: str | None = None
    for entry in entries:
        record = entry.record
        if not first:
            if not _is_document(record):
                continue
            first = record.url
        elif expected != record.url:
            continue
        last, expected = record.url, _redirect_of(entry)
        if expected is None:
            break
    return first, last


def _redirect_of(entry: RawEntry) -> str | None:
    record = entry.record
    if record.status not in _REDIRECTS:
        return None
    response = as_map(entry.raw.get("response"))
    target = as_text(response.get("redirectURL")) or dict(record.response_headers).get("location")
    if not target:
        return None
    if host_of(target):
        return target
    start = record.url.partition("?")[0]
    origin = "/".join(record.url.split("/", 3)[:3])
    return origin + target if target.startswith("/") else f"{start.rpartition('/')[0]}/{target}"


def _is_document(record: RequestRecord) -> bool:
    if record.type != "document" or not host_of(record.url):
        return False
    return dict(record.headers).get("sec-fetch-dest", "document") == "document"


def _commonest_referer(entries: list[RawEntry]) -> str:
    referers = Counter(r for e in entries if host_of(r := dict(e.record.headers).get("referer", "")))
    return referers.most_common(1)[0][0] if referers else ""


def _by_document(entries: list[RawEntry]) -> list[Group]:
    """Without page ids: a document that no page embeds starts a page; the rest goes by referer, else to the last page.

    A document whose referer is a page seen just before may be a frame or a followed link: only one on the same site is
    taken for a page of its own.
    """
    groups: list[Group] = []
    by_url: dict[str, Group] = {}
    waiting: str | None = None
    documents = any(_is_document(entry.record) for entry in entries)
    for entry in entries:
        record = entry.record
        if not documents and not groups and "html" in (record.mime or "") and host_of(record.url):
            # A recorder that says nothing about kinds: the first HTML is the page.
            groups.append(Group(record.url, record.url, entries=[entry]))
            by_url[record.url] = groups[-1]
            waiting = _redirect_of(entry)
            continue
        referer = dict(record.headers).get("referer", "")
        if waiting is not None and record.url == waiting:
            groups[-1].entries.append(entry)
            groups[-1].final_url = record.url
            by_url[record.url] = groups[-1]
            waiting = _redirect_of(entry)
            continue
        if _is_document(record) and _starts_page(record, referer, groups):
            groups.append(Group(record.url, record.url, entries=[entry]))
            by_url[record.url] = groups[-1]
            waiting = _redirect_of(entry)
            continue
        home = by_url.get(referer) or (groups[-1] if groups else None)
        if home is None:
            home = Group(referer, referer) if host_of(referer) else Group()
            groups.append(home)
            by_url[referer] = home
        home.entries.append(entry)
    if len(groups) > 1 and not groups[0].url:  # what came before the first document belongs to it
        groups[1].entries[:0] = groups[0].entries
        del groups[0]
    return groups


def _starts_page(record: RequestRecord, referer: str, groups: list[Group]) -> bool:
    if record.method != "GET" or record.context == "frame":
        return False
    if not groups or not groups[-1].url or not referer:
        return True
    return same_site(host_of(record.url), host_of(groups[-1].final_url))
