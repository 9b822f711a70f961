# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms of time: timers, idle moments, the visitor's first touch, the end of the page, the moment of leaving."""

from __future__ import annotations

from tests.site.mechanisms.base import Mechanism, mechanism, script

TALL = "<div style='height:9000px'>scroll on</div>"
SEND = 'navigator.sendBeacon("{T}/b?{M}", "at={NAME}")'


def _on(name: str, code: str, html: str = "") -> Mechanism:
    return mechanism(name, html + script(code.replace("SEND", SEND)), ("POST {T}/b?{M}", f"at={name}".encode()))


MOMENTS = (
    _on("timeout-2s", "setTimeout(() => SEND, 2000)"),
    _on("timeout-4s", "setTimeout(() => SEND, 4000)"),
    _on("timeout-25s", "setTimeout(() => SEND, 25000)"),
    _on("timeout-chain", "let n = 0; const step = () => ++n < 24 ? setTimeout(step, 1000) : SEND; step()"),
    _on(
        "date-poll",
        "const t = Date.now(); const i = setInterval(() => Date.now() - t > 20000 && (clearInterval(i), SEND), 100)",
    ),
    _on("performance-poll", "const i = setInterval(() => performance.now() > 15000 && (clearInterval(i), SEND), 250)"),
    _on("animation-frames", "let n = 0; const f = () => ++n < 30 ? requestAnimationFrame(f) : SEND; f()"),
    _on("idle-callback", "requestIdleCallback(() => SEND)"),
    _on("post-task", "scheduler.postTask(() => SEND, {priority: 'background', delay: 3000})"),
    _on("dom-content-loaded", "addEventListener('DOMContentLoaded', () => SEND)"),
    _on("window-load", "addEventListener('load', () => setTimeout(() => SEND, 0))"),
    _on("page-show", "addEventListener('pageshow', () => SEND)"),
    _on(
        "css-animation-end",
        "p.onanimationend = () => SEND",
        "<style>@keyframes k{to{opacity:0}}p{animation:k 2s}</style><p id=p>x",
    ),
    _on("fetch-then-timer", "fetch('/m/{NAME}/x.json').then(() => setTimeout(() => SEND, 8000))"),
    _on("first-mousemove", "addEventListener('mousemove', () => SEND, {once: true})"),
    _on("first-mouseover", "document.addEventListener('mouseover', () => SEND, {once: true})"),
    _on("first-pointermove", "addEventListener('pointermove', () => SEND, {once: true})"),
    _on("first-scroll", "addEventListener('scroll', () => SEND, {once: true})", TALL),
    _on("first-wheel", "addEventListener('wheel', () => SEND, {once: true})", TALL),
    _on("first-keydown", "addEventListener('keydown', () => SEND, {once: true})"),
    _on("first-touch", "addEventListener('touchstart', () => SEND, {once: true})"),
    _on("scroll-on-short-page", "addEventListener('wheel', () => SEND, {once: true})"),
    _on("late-interaction-listener", "setTimeout(() => addEventListener('mousemove', () => SEND, {once: true}), 300)"),
    mechanism(
        "delayed-javascript",
        '<script type="text/delayed" data-src="{T}/tag.js?{M}"></script>'
        + script(
            "let done; const go = () => { if (done) return; done = 1; document.querySelectorAll('[data-src]').forEach(o => {"
            "const s = document.createElement('script'); s.src = o.dataset.src; document.head.append(s) }) };"
            "['mousemove', 'keydown', 'touchstart', 'wheel'].forEach(e => addEventListener(e, go, {passive: true}))"
        ),
        "GET {T}/tag.js?{M}",
        ("POST {T}/b?{M}", b"delayed=1"),
        assets={"{T}/tag.js?{M}": 'setTimeout(() => navigator.sendBeacon("{T}/b?{M}", "delayed=1"), 4000)'},
    ),
    mechanism(
        "intersection-at-the-end",
        TALL
        + "<i id=end>end</i>"
        + script(
            "new IntersectionObserver(all => all.some(e => e.isIntersecting) && (new Image().src = '{T}/end.gif?{M}')"
            ", {threshold: 1}).observe(end)"
        ),
        "GET {T}/end.gif?{M}",
    ),
    mechanism(
        "intersection-in-the-middle",
        TALL
        + "<i id=mid>mid</i>"
        + TALL
        + script(
            "let sent; new IntersectionObserver(all => { if (!sent && all.some(e => e.isIntersecting)) { sent = 1;"
            "navigator.sendBeacon('{T}/mid?{M}', 'mid=1') } }).observe(mid)"
        ),
        ("POST {T}/mid?{M}", b"mid=1"),
    ),
    mechanism(
        "scroll-depth",
        TALL
        + script(
            "const seen = {}; addEventListener('scroll', () => { const r = (scrollY + innerHeight) / document.body.scrollHeight;"
            "for (const d of [25, 50, 75, 90]) if (r * 100 >= d && !seen[d]) { seen[d] = 1; navigator.sendBeacon('{T}/d?{M}&p=' + d) } })"
        ),
        *(f"POST {{T}}/d?{{M}}&p={depth}" for depth in (25, 50, 75, 90)),
    ),
    _on("pagehide", "addEventListener('pagehide', () => SEND)"),
    _on(
        "visibilitychange",
        "let sent; document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'hidden' && !sent) { sent = 1; SEND } })",
    ),
    _on("beforeunload", "addEventListener('beforeunload', () => { SEND })"),
    mechanism(
        "leaving-blob-and-fetch",
        script(
            "let once; addEventListener('pagehide', () => { if (once) return; once = 1;"
            "navigator.sendBeacon('{T}/blob?{M}', new Blob(['bye']));"
            "fetch('{T}/keep?{M}', {method: 'POST', keepalive: true, body: 'bye', mode: 'no-cors'}); new Image().src = '{T}/bye.gif?{M}' })"
        ),
        ("POST {T}/blob?{M}", b"bye"),
        ("POST {T}/keep?{M}", b"bye"),
        "GET {T}/bye.gif?{M}",
    ),
    mechanism(
        "leaving-in-iframe",
        '<iframe src="{E}/leave.html?{M}"></iframe>',
        ("POST {T}/b?{M}", b"at=frame"),
        assets={
            "{E}/leave.html?{M}": script(
                "let once; addEventListener('pagehide', () => { if (once) return; once = 1; navigator.sendBeacon('{T}/b?{M}', 'at=frame') })"
            )
        },
    ),
    mechanism(
        "web-vitals",
        "<p>text"
        + script(
            "let lcp = 0; new PerformanceObserver(l => lcp = l.getEntries().length).observe({type: 'largest-contentful-paint', buffered: true});"
            "let sent; addEventListener('visibilitychange', () => { if (!sent) { sent = 1; navigator.sendBeacon('{T}/v?{M}', 'lcp=' + (lcp > 0)) } })"
        ),
        ("POST {T}/v?{M}", None),
    ),
)
