# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms of the browser's own reports: the page names an address, and the browser writes to it."""

from __future__ import annotations

from tests.site.mechanisms.base import mechanism, script
from tests.site.reply import Reply

ENDPOINT = ("Reporting-Endpoints", 'default="{A}/reports?{M}", second="{B}/reports?{M}"')

REPORTS = (
    mechanism(
        "report-csp-to-endpoint",
        '<img src="{T}/watched.gif?{M}">',
        "GET {T}/watched.gif?{M}",
        ("POST {B}/reports?{M}", None),
        headers=(ENDPOINT, ("Content-Security-Policy-Report-Only", "img-src 'self'; report-to second")),
    ),
    mechanism(
        "report-deprecation",
        script(
            'const x = new XMLHttpRequest; x.open("GET", "{T}/sync?{M}", false); x.send(); document.requestStorageAccessFor; webkitRTCPeerConnection; (() => { try { document.domain = document.domain } catch (e) {} })()'
        ),
        "GET {T}/sync?{M}",
        ("POST {A}/reports?{M}", None),
        headers=(ENDPOINT,),
    ),
    mechanism(
        "report-permissions-policy",
        script(
            "navigator.geolocation.getCurrentPosition(() => 0, () => 0); navigator.mediaDevices.getUserMedia({audio: true}).catch(() => 0)"
        ),
        ("POST {A}/reports?{M}", None),
        headers=(ENDPOINT, ("Permissions-Policy", "geolocation=(), microphone=()")),
    ),
    mechanism(
        "report-document-policy",
        script('const x = new XMLHttpRequest; x.open("GET", "{T}/sync?{M}", false); try { x.send() } catch (e) {}')
        + "<script>document.write('<p>x')</script>",
        "GET {T}/sync?{M}",
        ("POST {A}/reports?{M}", None),
        headers=(ENDPOINT, ("Document-Policy-Report-Only", "document-write=?0, sync-xhr=?0;report-to=default")),
    ),
    mechanism(
        "report-coep",
        '<img src="{T}/no-corp.gif?{M}">',
        "GET {T}/no-corp.gif?{M}",
        ("POST {B}/reports?{M}", None),
        headers=(ENDPOINT, ("Cross-Origin-Embedder-Policy-Report-Only", 'require-corp; report-to="second"')),
    ),
    mechanism(
        "report-coop",
        script(
            'const w = open("{F}/pop.html?{M}"); setTimeout(() => { try { w.postMessage("x", "*"); w.closed } catch (e) {} }, 500)'
        ),
        ("POST {B}/reports?{M}", None),
        headers=(ENDPOINT, ("Cross-Origin-Opener-Policy-Report-Only", 'same-origin; report-to="second"')),
    ),
    mechanism(
        "report-integrity-policy",
        '<script src="{T}/plain.js?{M}"></script>',
        "GET {T}/plain.js?{M}",
        ("POST {B}/reports?{M}", None),
        headers=(ENDPOINT, ("Integrity-Policy-Report-Only", "blocked-destinations=(script), endpoints=(second)")),
    ),
    mechanism(
        "report-trusted-types",
        "<i id=d></i>" + script("d.innerHTML = '<b>x</b>'"),
        ("POST {B}/reports?{M}", None),
        headers=(
            ENDPOINT,
            ("Content-Security-Policy-Report-Only", "require-trusted-types-for 'script'; report-to second"),
        ),
    ),
    mechanism(
        "report-csp-of-a-frame",
        '<iframe src="{E}/f.html?{M}"></iframe>',
        "GET {E}/f.html?{M}",
        "GET {T}/watched.gif?{M}",
        assets={
            "{E}/f.html?{M}": Reply(
                200,
                (
                    ("Content-Type", "text/html"),
                    ("Reporting-Endpoints", 'second="{B}/reports?{M}"'),
                    ("Content-Security-Policy-Report-Only", "img-src 'self'; report-to second"),
                ),
                b'<!doctype html><img src="{T}/watched.gif?{M}">',
            )
        },
    ),
    mechanism(
        "report-observer",
        script(
            'new ReportingObserver(all => navigator.sendBeacon("{T}/observed?{M}", "type=" + all[0].type), {buffered: true}).observe();'
            'const x = new XMLHttpRequest; x.open("GET", "/sync?{M}", false); x.send(); webkitRequestFileSystem'
        ),
        ("POST {T}/observed?{M}", b"type=deprecation"),
    ),
    # The scanner's own doings give a page nothing to report.
    mechanism("report-of-nothing", "<p>x", headers=(ENDPOINT,)),
    mechanism(
        "report-of-the-listener",
        script("addEventListener('unload', () => 0)"),
        ("POST {A}/reports?{M}", None),
        headers=(ENDPOINT,),
    ),
)
