"""What the browser reports on a page's behalf: policies broken, features deprecated, requests failed (Reporting API).

No page and no worker sends these, the browser's network service does, and tells of the reports, not of the requests
that carry them. Reports that are sent together are put together again: one request to each address and moment.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from scanner.browser.channel import Params
from scanner.browser.draft import Draft

REPORT_EVENTS = (
    "Network.reportingApiReportAdded",
    "Network.reportingApiReportUpdated",
    "Network.reportingApiEndpointsChangedForOrigin",
)
_ENDPOINT = re.compile(r'([a-z*][\w*.-]*)\s*=\s*"([^"]*)"')
_TOGETHER_MS = 30
"""Reports of one upload are told in a row."""


@dataclass(slots=True)
class Reports:
    """Builds drafts from what is told of reports. `add` takes a new one, False when it may not be recorded."""

    add: Callable[[Draft], bool]
    keep_body: Callable[[Draft, bytes], None]
    elapsed_ms: Callable[[], int]
    headers_of: Callable[[str], Mapping[str, str]]
    """Document URL → headers it was answered with, names in lower case; empty when there is no such document."""
    _addresses: dict[tuple[str, str], str] = field(default_factory=dict)
    """(origin, group) → URL, for documents whose headers nobody saw."""
    _waiting: dict[str, Params] = field(default_factory=dict)
    """Report id → report that is not on its way yet."""
    _uploads: dict[str, tuple[Draft, list[dict[str, Any]]]] = field(default_factory=dict)
    """URL → its newest upload."""

    def on_event(self, method: str, params: Params) -> None:
        if method == "Network.reportingApiEndpointsChangedForOrigin":
            for endpoint in params.get("endpoints", ()):
                self._addresses[str(params.get("origin")).rstrip("/"), str(endpoint["groupName"])] = endpoint["url"]
            return
        report = params["report"]
        if report.get("status") != "Pending":
            self._uploads.clear()  # whatever sets out from here on sets out by itself
        match report.get("status"):
            case "Queued" if method == "Network.reportingApiReportAdded":
                self._waiting[report["id"]] = report
            # One that was queued during the page's last visit is that visit's.
            case "Pending" | "Success" if report["id"] in self._waiting:
                self._send(report)
            case "MarkedForRemoval":
                self._waiting.pop(report["id"], None)

    @property
    def are_expected(self) -> bool:
        """Somebody is named for reports, or some wait: more may be made when the document ends."""
        return bool(self._waiting or self._addresses or self._uploads)

    def send_rest(self) -> None:
        """Whatever waits goes out when its document ends."""
        for report in list(self._waiting.values()):
            self._send(report)

    def _send(self, report: Params) -> None:
        self._waiting.pop(report["id"], None)
        url = self._address(str(report.get("initiatorUrl")), str(report.get("destination")))
        if url is None:
            return
        told = {"body": report.get("body", {}), "type": report.get("type"), "url": report.get("initiatorUrl")}
        draft, together = self._uploads.get(url, (None, []))
        if draft is None or self.elapsed_ms() - draft.started_ms > _TOGETHER_MS:
            if origin_of(url) != origin_of(str(report.get("initiatorUrl"))):
                self.add(self._new_upload(url, report, "OPTIONS"))
            draft, together = self._new_upload(url, report), []
            if not self.add(draft):
                return
            self._uploads[url] = draft, together
        together.append(told)
        self.keep_body(draft, json.dumps(together, separators=(",", ":"), ensure_ascii=False).encode())

    def _address(self, page_url: str, group: str) -> str | None:
        named = endpoints_of(self.headers_of(page_url).get("reporting-endpoints", ""))
        if group in named:
            return urljoin(page_url, named[group])
        return self._addresses.get((origin_of(page_url), group))

    def _new_upload(self, url: str, report: Params, method: str = "POST") -> Draft:
        return Draft(
            request_id=f"report-{method}-{report['id']}",
            url=url,
            method=method,
            type="csp-report" if method == "POST" else "preflight",
            context="browser",
            started_ms=self.elapsed_ms(),
            document_url=report.get("initiatorUrl"),
            told_request_headers={"content-type": "application/reports+json"} if method == "POST" else {},
        )


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def endpoints_of(header: str) -> dict[str, str]:
    """Return group → address as written from a `Reporting-Endpoints` header.

    >>> endpoints_of('default="https://r.example/a", csp="/b"')
    {'default': 'https://r.example/a', 'csp': '/b'}
    """
    return dict(_ENDPOINT.findall(header))
