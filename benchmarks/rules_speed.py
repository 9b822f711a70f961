"""How long the rules take over a request, and how many requests a second `explain` answers."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from rules.explain import explain_line
from rules.load import load_rules
from rules.match import match_request
from rules.model import RuleSet
from scanner.model import RequestRecord

PAGE = "https://www.clinic.example/services/postpartum-depression/"
ORDINARY = tuple(
    RequestRecord(url=url, type=kind)
    for number in range(10)
    for url, kind in (
        (f"https://www.clinic.example/assets/app.{number:08x}.js?v={number}", "script"),
        (f"https://www.clinic.example/wp-content/uploads/2026/0{number}/family.jpg", "image"),
        (f"https://cdn{number}.jsdelivr.example/npm/library@{number}.1.0/dist/library.min.js", "script"),
        (f"https://fonts.gstatic.com/s/lora/v{number}/lora.woff2", "font"),
        (f"https://api.clinic.example/v1/slots?doctor={number}&day=2026-03-0{number}", "xhr"),
    )
)
ROUNDS = 7


def requests_of(rules: RuleSet) -> list[RequestRecord]:
    """Return the examples of all rules and as many ordinary requests: harder than any real page, where few match."""
    known = [
        RequestRecord(url=e.url, method=e.method, type=e.type, body=e.body, content_type=e.content_type)
        for rule in rules.rules
        for e in (*rule.examples, *rule.counterexamples)
    ]
    times = max(1, len(known) // len(ORDINARY))
    return known + list(ORDINARY) * times


def measure(say: Callable[[str], None]) -> dict[str, float]:
    rules = load_rules(())
    requests = requests_of(rules)
    lines = [json.dumps({"url": r.url, "method": r.method, "type": r.type, "page_url": PAGE}) for r in requests]

    def match_all() -> None:
        for request in requests:
            match_request(request, rules, page_url=PAGE)

    def explain_all() -> None:
        for line in lines:
            explain_line(line, rules)

    match_s, explain_s = _best_s(match_all), _best_s(explain_all)
    say(f"{len(requests)} requests against {len(rules.rules)} rules")
    return {
        "match_us_per_request": round(match_s / len(requests) * 1e6, 1),
        "explain_lines_per_second": round(len(lines) / explain_s),
        "match_requests": len(requests),
        "match_rules": len(rules.rules),
    }


def _best_s(work: Callable[[], None]) -> float:
    work()  # warm: compiled rules and caches are there after the first page of a scan
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)  # whatever else the machine does makes a round slower, never faster
