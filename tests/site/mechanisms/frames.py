# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms of documents within documents, of windows, and of documents that are not HTML."""

from __future__ import annotations

from tests.site.mechanisms.base import mechanism, script
from tests.site.reply import Reply, redirect

BEACON = "navigator.sendBeacon('{T}/b?{M}', 'at={NAME}')"

FRAMES = (
    mechanism(
        "frame-javascript-url", "<iframe src=\"javascript:'<img src={T}/js.gif?{M}>'\"></iframe>", "GET {T}/js.gif?{M}"
    ),
    mechanism(
        "frame-srcdoc-three-deep",
        '<iframe src="{E}/f.html?{M}"></iframe>',
        ("POST {T}/b?{M}", b"at=frame-srcdoc-three-deep"),
        assets={
            "{E}/f.html?{M}": script(
                "const nest = (doc, n) => { const f = doc.createElement('iframe'); f.srcdoc = '<p>x'; f.onload = () => n ? nest(f.contentDocument, n - 1) : f.contentWindow.navigator.sendBeacon('{T}/b?{M}', 'at={NAME}'); (doc.body || doc.documentElement).append(f) }; nest(document, 2)"
            )
        },
    ),
    mechanism(
        "frame-meta-refresh",
        '<iframe src="{E}/1.html?{M}"></iframe>',
        "GET {E}/1.html?{M}",
        "GET {A}/2.html?{M}",
        "GET {T}/2.gif?{M}",
        assets={
            "{E}/1.html?{M}": '<meta http-equiv=refresh content="1;url={A}/2.html?{M}">',
            "{A}/2.html?{M}": '<img src="{T}/2.gif?{M}">',
        },
    ),
    mechanism(
        "page-refresh-header",
        '<img src="{T}/before.gif?{M}">',
        "GET {T}/before.gif?{M}",
        "GET {F}/next.html?{M}",
        "GET {T}/after.gif?{M}",
        headers=(("Refresh", "1; url={F}/next.html?{M}"),),
        assets={"{F}/next.html?{M}": '<img src="{T}/after.gif?{M}">'},
    ),
    mechanism(
        "frame-credentialless",
        '<iframe credentialless src="{E}/f.html?{M}"></iframe>',
        "GET {E}/f.html?{M}",
        ("POST {T}/b?{M}", b"at=frame-credentialless"),
        assets={"{E}/f.html?{M}": script(BEACON)},
    ),
    mechanism(
        "frame-lazy-in-carousel",
        "<div style='display:flex;overflow-x:auto;width:300px'>"
        + "<div style='min-width:280px;height:90px'>slide</div>" * 3
        + '<iframe loading=lazy src="{E}/f.html?{M}"></iframe></div>',
        "GET {E}/f.html?{M}",
        "GET {T}/lazy.gif?{M}",
        assets={"{E}/f.html?{M}": '<img src="{T}/lazy.gif?{M}">'},
    ),
    mechanism(
        "object-html",
        '<object data="{E}/o.html?{M}" type="text/html"></object>',
        "GET {E}/o.html?{M}",
        ("POST {T}/b?{M}", b"at=object-html"),
        assets={"{E}/o.html?{M}": script(BEACON)},
    ),
    mechanism(
        "svg-document-in-frame",
        '<iframe src="{E}/d.svg?{M}"></iframe>',
        "GET {E}/d.svg?{M}",
        "GET {T}/in-svg.gif?{M}",
        ("POST {T}/b?{M}", b"at=svg"),
        assets={
            "{E}/d.svg?{M}": Reply(
                200,
                (("Content-Type", "image/svg+xml"),),
                b'<svg xmlns="http://www.w3.org/2000/svg"><image href="{T}/in-svg.gif?{M}" width="9" height="9"/><script>navigator.sendBeacon("{T}/b?{M}", "at=svg")</script></svg>',
            )
        },
    ),
    mechanism(
        "page-is-xhtml",
        Reply(
            200,
            (("Content-Type", "application/xhtml+xml; charset=utf-8"),),
            b'<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body><img src="{T}/x.gif?{M}"/><script>navigator.sendBeacon("{T}/b?{M}", "at=xhtml")</script></body></html>',
        ),
        "GET {T}/x.gif?{M}",
        ("POST {T}/b?{M}", b"at=xhtml"),
    ),
    mechanism(
        "popup-written",
        script(
            "const w = open('', 'x'); w.document.write('<img src=\"{T}/w.gif?{M}\"><script>navigator.sendBeacon(\"{T}/b?{M}\", new Blob([\"at=popup\"]))<\\/script>')"
        ),
        "GET {T}/w.gif?{M}",
        ("POST {T}/b?{M}", b"at=popup"),
    ),
    mechanism(
        "popup-that-closes-itself",
        script("open('{E}/p.html?{M}')"),
        "GET {E}/p.html?{M}",
        ("POST {T}/b?{M}", b"at=popup-that-closes-itself"),
        assets={"{E}/p.html?{M}": script(BEACON + "; close()")},
    ),
    mechanism(
        "popup-with-frames",
        script("open('{E}/p.html?{M}')"),
        "GET {A}/in.html?{M}",
        ("POST {T}/b?{M}", b"at=popup-with-frames"),
        assets={
            "{E}/p.html?{M}": '<iframe src="{A}/in.html?{M}"></iframe>',
            "{A}/in.html?{M}": script("setTimeout(() => " + BEACON + ", 100)"),
        },
    ),
    mechanism(
        "form-into-new-tab",
        '<form method=post action="{E}/wrong?{M}" target=_blank><input name=em value="a@b.test"><button id=b formaction="{T}/form.html?{M}">x</button></form>'
        + script("document.forms[0].requestSubmit(b)"),
        ("POST {T}/form.html?{M}", b"em=a%40b.test"),
    ),
    mechanism(
        "bounce-through-trackers",
        script("if (!location.search) location = '{A}/1?{M}'; else fetch('{T}/back?{M}&s=' + location.hash.slice(1))"),
        "GET {A}/1?{M}",
        "GET {B}/2?{M}",
        "GET {F}/m/{NAME}?synced=1",
        "GET {T}/back?{M}&s=uid7",
        assets={"{A}/1?{M}": redirect("{B}/2?{M}"), "{B}/2?{M}": redirect("{F}/m/{NAME}?synced=1#uid7")},
    ),
    mechanism(
        "prerender",
        '<script type=speculationrules>{"prerender":[{"source":"list","urls":["/next.html?{M}"],"eagerness":"immediate"}]}</script>',
        "GET {F}/next.html?{M}",
        assets={
            "{F}/next.html?{M}": '<title>x</title><img src="{T}/prerendered.gif?{M}">'
            + script("navigator.sendBeacon('{T}/b?{M}', new Blob(['prerendering=' + document.prerendering]))")
        },
    ),
    mechanism(
        "prefetch-rules-cross-site",
        '<script type=speculationrules>{"prefetch":[{"source":"list","urls":["{E}/next.html?{M}"],"eagerness":"immediate"}]}</script>',
        "GET {E}/next.html?{M}",
    ),
    mechanism(
        "speculation-rules-header",
        "<p>x",
        "GET {F}/rules.json?{M}",
        "GET {E}/next.html?{M}",
        headers=(("Speculation-Rules", '"{F}/rules.json?{M}"'),),
        assets={
            "{F}/rules.json?{M}": Reply(
                200,
                (("Content-Type", "application/speculationrules+json"),),
                b'{"prefetch":[{"source":"list","urls":["{E}/next.html?{M}"],"eagerness":"immediate"}]}',
            )
        },
    ),
    mechanism(
        "page-transition-api",
        script(
            "navigation.addEventListener('navigate', e => e.canIntercept && e.intercept({handler: () => fetch('{T}/nav?{M}&to=' + new URL(e.destination.url).pathname)})); setTimeout(() => navigation.navigate('/m/{NAME}/two'), 500)"
        ),
        "GET {T}/nav?{M}&to=/m/page-transition-api/two",
    ),
)
