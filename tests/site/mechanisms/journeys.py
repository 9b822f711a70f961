# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms of going somewhere: redirects, popups, dialogs, first-party disguises, and hostile or huge pages."""

from __future__ import annotations

from tests.site.mechanisms.base import Mechanism, Seen, mechanism, script
from tests.site.reply import Reply, redirect

HOSTILE = (
    (
        "markup",
        "?{M}&q=<script>alert(1)</script>\"'><img src=x>",
        "?{M}&q=%3Cscript%3Ealert(1)%3C/script%3E%22%27%3E%3Cimg%20src=x%3E",
    ),
    ("bytes", "?{M}&z=%00%ff%0d%0aSet-Cookie:a=b%", "?{M}&z=%00%ff%0d%0aSet-Cookie:a=b%"),
    ("bidi", "?{M}&u=\u202egnp.exe\u0000\u200b", "?{M}&u=%E2%80%AEgnp.exe%EF%BF%BD%E2%80%8B"),
    (
        "vendor",
        "/connect.facebook.net/tr?{M}&u=https://ct.pinterest.com/v3/?tid=1",
        "/connect.facebook.net/tr?{M}&u=https://ct.pinterest.com/v3/?tid=1",
    ),
    ("braces", "/%7B%7Bx%7D%7D/${7*7}/{{7*7}}?{M}", "/%7B%7Bx%7D%7D/$%7B7*7%7D/%7B%7B7*7%7D%7D?{M}"),
)


def _hostile(name: str, sent: str, wire: str) -> Mechanism:
    text = sent.replace("\\", "\\\\").replace("'", "\\'").replace("</", "<\\/").replace("\u0000", "\ufffd")
    return mechanism(f"hostile-{name}", script(f"new Image().src = '{{T}}/h{text}'"), f"GET {{T}}/h{wire}")


JOURNEYS = (
    mechanism(
        "redirect-chain",
        '<img src="{A}/1?{M}">',
        "GET {A}/1?{M}",
        "GET {B}/2?{M}",
        "GET {C}/3.gif?{M}",
        assets={"{A}/1?{M}": redirect("{B}/2?{M}"), "{B}/2?{M}": redirect("{C}/3.gif?{M}", 307)},
    ),
    mechanism(
        "redirect-post-307",
        script('fetch("{A}/1?{M}", {method: "POST", body: new Blob(["kept=1"]), mode: "no-cors"})'),
        ("POST {A}/1?{M}", b"kept=1"),
        ("POST {B}/2?{M}", b"kept=1"),
        assets={"{A}/1?{M}": redirect("{B}/2?{M}", 307)},
    ),
    mechanism(
        "redirect-post-303",
        script('fetch("{A}/1?{M}", {method: "POST", body: "dropped=1", mode: "no-cors"})'),
        ("POST {A}/1?{M}", b"dropped=1"),
        "GET {B}/2.gif?{M}",
        assets={"{A}/1?{M}": redirect("{B}/2.gif?{M}", 303)},
    ),
    mechanism(
        "redirect-to-204",
        '<img src="{A}/1?{M}">',
        "GET {A}/1?{M}",
        "GET {B}/none?{M}",
        assets={"{A}/1?{M}": redirect("{B}/none?{M}")},
    ),
    mechanism(
        "redirect-loop-pixel",
        '<img src="{T}/loop.gif?{M}">',
        "GET {T}/loop.gif?{M}",
        assets={"{T}/loop.gif?{M}": redirect("{T}/loop.gif?{M}")},
    ),
    mechanism(
        "beacon-redirected",
        script('navigator.sendBeacon("{A}/1?{M}", "x=1")'),
        ("POST {A}/1?{M}", b"x=1"),
        "GET {B}/2?{M}",
        assets={"{A}/1?{M}": redirect("{B}/2?{M}")},
    ),
    mechanism(
        "script-redirect",
        '<script src="{A}/l.js?{M}"></script>',
        "GET {A}/l.js?{M}",
        "GET {B}/r.js?{M}",
        "GET {T}/done.gif?{M}",
        assets={"{A}/l.js?{M}": redirect("{B}/r.js?{M}"), "{B}/r.js?{M}": 'new Image().src = "{T}/done.gif?{M}"'},
    ),
    mechanism(
        "page-redirect",
        redirect("{F}/landed.html?{M}"),
        "GET {F}/landed.html?{M}",
        "GET {T}/landed.gif?{M}",
        assets={"{F}/landed.html?{M}": '<title>x</title><img src="{T}/landed.gif?{M}">'},
    ),
    mechanism(
        "meta-refresh",
        '<meta http-equiv=refresh content="1;url={F}/refreshed.html?{M}"><img src="{T}/before.gif?{M}">',
        "GET {T}/before.gif?{M}",
        "GET {F}/refreshed.html?{M}",
        "GET {T}/after.gif?{M}",
        assets={"{F}/refreshed.html?{M}": '<img src="{T}/after.gif?{M}">'},
    ),
    mechanism(
        "location-after-400ms",
        '<img src="{T}/before.gif?{M}">' + script('setTimeout(() => location = "{F}/moved.html?{M}", 400)'),
        "GET {T}/before.gif?{M}",
        "GET {F}/moved.html?{M}",
        ("POST {T}/after?{M}", b"after=1"),
        assets={"{F}/moved.html?{M}": script('navigator.sendBeacon("{T}/after?{M}", new Blob(["after=1"]))')},
    ),
    mechanism(
        "redirect-off-site",
        redirect("https://www.elsewhere.test/e.html?{M}"),
        "GET https://www.elsewhere.test/e.html?{M}",
        outcomes="ok partial failed blocked",
    ),
    mechanism(
        "script-sends-off-site",
        script(
            'navigator.sendBeacon("{T}/b?{M}", "leaving"); setTimeout(() => location = "https://www.elsewhere.test/e.html?{M}", 300)'
        ),
        ("POST {T}/b?{M}", b"leaving"),
        "GET https://www.elsewhere.test/e.html?{M}",
        outcomes="ok partial failed blocked",
    ),
    mechanism(
        "popup",
        script('open("{E}/pop.html?{M}")'),
        "GET {E}/pop.html?{M}",
        ("POST {T}/popped?{M}", b"pop=1"),
        assets={"{E}/pop.html?{M}": script('navigator.sendBeacon("{T}/popped?{M}", new Blob(["pop=1"]))')},
    ),
    mechanism(
        "popup-noopener",
        script('open("{E}/pop.html?{M}", "_blank", "noopener")'),
        "GET {E}/pop.html?{M}",
        "GET {T}/popped.gif?{M}",
        assets={"{E}/pop.html?{M}": '<img src="{T}/popped.gif?{M}">'},
    ),
    mechanism(
        "alert",
        script(
            'navigator.sendBeacon("{T}/a?{M}", "before"); alert("Hello"); navigator.sendBeacon("{T}/b?{M}", "after")'
        ),
        ("POST {T}/a?{M}", b"before"),
        ("POST {T}/b?{M}", b"after"),
    ),
    mechanism(
        "confirm-and-prompt",
        script('fetch("{T}/c?{M}&a=" + confirm("Sure?") + prompt("Name?"))') + script('fetch("{T}/d?{M}")'),
        "GET {T}/d?{M}",
    ),
    mechanism(
        "ga4-first-party-proxy",
        script(
            'fetch("/metrics/g/collect?v=2&tid=G-ABCDE12345&{M}&en=page_view&dl=" + encodeURIComponent(location), {method: "POST", keepalive: true})'
        ),
        "POST {F}/metrics/g/collect?v=2&tid=G-ABCDE12345&{M}&en=page_view&dl=https%3A%2F%2Fwww.clinic.test%2Fm%2Fga4-first-party-proxy",
    ),
    mechanism(
        "cname-subdomain",
        script('navigator.sendBeacon("https://smetrics.clinic.test/b/ss/x/1?{M}", "c=1")'),
        ("POST https://smetrics.clinic.test/b/ss/x/1?{M}", b"c=1"),
    ),
    mechanism(
        "odd-port", '<img src="https://t.tracker.test:8443/p.gif?{M}">', "GET https://t.tracker.test:8443/p.gif?{M}"
    ),
    mechanism("idn-host", '<img src="https://bücher.test/p.gif?{M}">', "GET https://xn--bcher-kva.test/p.gif?{M}"),
    mechanism(
        "credentials-in-url",
        '<img src="https://user:secret@t.tracker.test/p.gif?{M}">',
        ("GET https://user:secret@t.tracker.test/p.gif?{M}", b"", Seen.BLOCKED),
    ),
    mechanism(
        "server-errors",
        "".join(f'<img src="{{T}}/e{s}?{{M}}">' for s in (404, 410, 500, 503)),
        *(f"GET {{T}}/e{s}?{{M}}" for s in (404, 410, 500, 503)),
        assets={f"{{T}}/e{s}?{{M}}": Reply(s) for s in (404, 410, 500, 503)},
    ),
    mechanism(
        "download-link",
        '<a id=a href="{F}/x.zip?{M}" download>zip</a>'
        + script('setTimeout(() => a.click(), 200); setTimeout(() => fetch("{T}/still?{M}"), 2000)'),
        "GET {T}/still?{M}",
    ),
    mechanism(
        "long-url",
        script('new Image().src = "{T}/l.gif?{M}&x=" + "y".repeat(30000)'),
        "GET {T}/l.gif?{M}&x=" + "y" * 30_000,
    ),
    *(_hostile(*row) for row in HOSTILE),
)

HUGE = (
    mechanism(
        "thousand-pixels",
        script('for (let i = 0; i < 1000; i++) new Image().src = "{T}/p.gif?{M}&i=" + i'),
        *(f"GET {{T}}/p.gif?{{M}}&i={i}" for i in range(1000)),
    ),
    mechanism(
        "beacon-storm",
        script('for (let i = 0; i < 200; i++) navigator.sendBeacon("{T}/b?{M}&i=" + i, new Blob(["n=" + i]))'),
        *((f"POST {{T}}/b?{{M}}&i={i}", f"n={i}".encode()) for i in range(200)),
    ),
    mechanism(
        "console-flood",
        script('for (let i = 0; i < 20000; i++) console.log("line", i, {i}); fetch("{T}/flooded?{M}")'),
        "GET {T}/flooded?{M}",
    ),
    mechanism(
        "huge-dom",
        "<script>document.body.innerHTML = '<p><b>x</b></p>'.repeat(100000)</script>"
        + script('fetch("{T}/grown?{M}&n=" + document.querySelectorAll("body *").length)'),
        "GET {T}/grown?{M}&n=200001",
    ),
    mechanism(
        "endless-loop",
        script('navigator.sendBeacon("{T}/b?{M}", new Blob(["before=loop"])); setTimeout(() => { for (;;); }, 100)'),
        ("POST {T}/b?{M}", b"before=loop"),
        outcomes="partial failed",
        visit_timeout_ms=12_000,
    ),
    mechanism(
        "endless-loop-at-once",
        script('navigator.sendBeacon("{T}/b?{M}", "before=loop"); for (;;);'),
        ("POST {T}/b?{M}", b"before=loop"),
        outcomes="partial failed",
        visit_timeout_ms=12_000,
    ),
)
