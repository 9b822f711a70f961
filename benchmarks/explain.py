"""Requests a second on one core: match, decode, exposures, identifiers by value; without and with known identities."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from benchmarks.rules_speed import PAGE
from rules.judge_leaks import exposures_by_value
from rules.leaks import KnownIdentity, LeakIndex
from rules.load import load_rules
from rules.match import match_request
from rules.model import RuleSet
from scanner.model import ExposureKind, RequestRecord
from scanner.urls import is_third_party

REQUESTS = 100_000
ROUNDS = 7
IDENTITIES = (
    KnownIdentity(ExposureKind.EMAIL, "testpatient.a@clinic-canary.example", "test patient A"),
    KnownIdentity(ExposureKind.PHONE, "(617) 555-0142", "test patient A"),
    KnownIdentity(ExposureKind.NAME, "Dana Whitfield", "test patient A"),
    KnownIdentity(ExposureKind.ADDRESS, "12 Elm Street, Springfield, MA 01101", "test patient A"),
    KnownIdentity(ExposureKind.EXTERNAL_ID, "MRN-7741902", "test patient A"),
)


def mixed_requests(rules: RuleSet, count: int = REQUESTS, seed: int = 20260302) -> list[RequestRecord]:
    """Return `count` different requests as a site's pages make them: six in ten are files, four report something.

    Those that report are the examples of the rule files, bodies included, each time with another cache buster.
    """
    chance = random.Random(seed)
    known = [
        RequestRecord(url=e.url, method=e.method, type=e.type, body=e.body, content_type=e.content_type)
        for rule in rules.rules
        for e in rule.examples
    ]
    files: tuple[tuple[str, str], ...] = (
        ("https://www.clinic.example/assets/app.{n:08x}.js?v={n}", "script"),
        ("https://www.clinic.example/wp-content/uploads/{n}/family.jpg", "image"),
        ("https://cdn.library.example/npm/library@{n}.1.0/dist/library.min.js", "script"),
        ("https://fonts.gstatic.com/s/lora/v{n}/lora.woff2", "font"),
        ("https://api.clinic.example/v1/slots?doctor={n}&day=2026-03-02", "xhr"),
    )
    requests = []
    for number in range(count):
        if chance.random() < 0.6:
            url, kind = files[number % len(files)]
            requests.append(RequestRecord(url=url.format(n=chance.randrange(10**8)), type=kind))
        else:
            example = known[chance.randrange(len(known))]
            joint = "&" if "?" in example.url else "?"
            url = f"{example.url}{joint}cb={chance.randrange(10**12)}" if "#" not in example.url else example.url
            requests.append(
                RequestRecord(
                    url=url,
                    method=example.method,
                    type=example.type,
                    body=example.body,
                    content_type=example.content_type,
                )
            )
    return requests


def measure(say: Callable[[str], None], count: int = REQUESTS) -> dict[str, float]:
    """Return `explain_per_second` and `explain_per_second_with_identities`, each of its best round.

    Whatever else the machine does makes a round slower, never faster: the best one says most about the program.
    """
    rules = load_rules(())
    requests = mixed_requests(rules, count)
    nobody, somebody = LeakIndex.build(()), LeakIndex.build(IDENTITIES)

    def judge(index: LeakIndex) -> Callable[[], None]:
        def work() -> None:
            for request in requests:
                # As everywhere: what stays on the site, and no rule knows, is not searched for people.
                if match_request(request, rules, page_url=PAGE) or is_third_party(request.url, PAGE):
                    exposures_by_value(request, index)

        return work

    without_s, with_s = _best_s(judge(nobody)), _best_s(judge(somebody))
    say(f"{len(requests):,} requests, {sum(len(r.body or b'') for r in requests) / 1e6:.1f} MB of bodies")
    return {
        "explain_per_second": round(count / without_s),
        "explain_per_second_with_identities": round(count / with_s),
        "explain_requests": count,
    }


def _best_s(work: Callable[[], None]) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.process_time()
        work()
        times.append(time.process_time() - started)
    return min(times)


if __name__ == "__main__":
    for name, figure in measure(print).items():
        print(f"{name} {figure}")
