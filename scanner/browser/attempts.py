"""Attempts that a policy stopped before they became requests: the browser tells of them as issues only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from scanner.browser.channel import Params
from scanner.browser.draft import Draft, csp_type, is_on_the_network

_MIXED = {
    "Frame": "document",
    "Image": "image",
    "Script": "script",
    "Stylesheet": "stylesheet",
    "XMLHttpRequest": "xhr",
    "Beacon": "ping",
    "Font": "font",
    "Form": "document",
    "Video": "media",
    "Audio": "media",
}


@dataclass(slots=True)
class Attempts:
    """Collects issues (`Audits.issueAdded`) of one visit, `most` at most."""

    most: int
    elapsed_ms: Callable[[], int]
    unload_awaited: bool = False
    """Some document listens for `unload`, which is deprecated: the browser tells of it as an issue, too."""
    _told: list[Draft] = field(default_factory=list)

    def on_issue(self, params: Params) -> None:
        told = params.get("issue", {}).get("details", {})
        if told.get("deprecationIssueDetails", {}).get("type") == "UnloadHandler":
            self.unload_awaited = True
            return
        if mixed := told.get("mixedContentIssueDetails"):
            if mixed.get("resolutionStatus") == "MixedContentBlocked":
                kind = _MIXED.get(str(mixed.get("resourceType")), "other")
                self._add(str(mixed.get("insecureURL", "")), "mixed-content", kind)
            return
        policy = told.get("contentSecurityPolicyIssueDetails")
        if policy and not policy.get("isReportOnly") and (url := policy.get("blockedURL")):
            socket = url.startswith(("ws:", "wss:"))
            self._add(url, "csp", "websocket" if socket else csp_type(str(policy.get("violatedDirective", ""))))

    def _add(self, url: str, stopped_by: str, kind: str) -> None:
        if not url or not is_on_the_network(url) or len(self._told) >= self.most:
            return
        self._told.append(
            Draft(
                request_id=f"issue-{len(self._told)}",
                url=url,
                method="GET",
                type=kind,
                context="page",
                started_ms=self.elapsed_ms(),
                body=None,
                blocked=stopped_by,
                finished=True,
            )
        )

    def untold(self, drafts: Iterable[Draft]) -> list[Draft]:
        """Return attempts that are not among `drafts`.

        Images and scripts come as failed requests, too, and are not told twice; connections, beacons, sockets and
        frames come as issues only (a frame that a content security policy stopped with its origin, not its address).
        """
        known: Counter[tuple[str, str | None]] = Counter((d.url, d.blocked) for d in drafts if d.blocked)
        attempts = []
        for attempt in self._told:
            if known[attempt.url, attempt.blocked] > 0:
                known[attempt.url, attempt.blocked] -= 1
            else:
                attempts.append(attempt)
        return attempts
