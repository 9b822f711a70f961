# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms of workers: dedicated, nested, in frames, shared, service."""

from __future__ import annotations

from tests.site.mechanisms.base import Multipart, mechanism, script
from tests.site.reply import TYPES, Reply

POST = 'fetch("{T}/w?{M}", {method: "POST", body: "worker=1", mode: "no-cors"})'
POSTED = ("POST {T}/w?{M}", b"worker=1")
POST_BLOB = 'fetch("{T}/blob?{M}", {method: "POST", body: new Blob([new Uint8Array([0, 255, 1])]), mode: "no-cors"})'
POSTED_BLOB = ("POST {T}/blob?{M}", b"\x00\xff\x01")
START = script('new Worker("/w.js?{M}")')

WORKERS = (
    mechanism("dedicated-worker", START, "GET {F}/w.js?{M}", POSTED, assets={"{F}/w.js?{M}": POST}),
    mechanism("blob-body-from-worker", START, "GET {F}/w.js?{M}", POSTED_BLOB, assets={"{F}/w.js?{M}": POST_BLOB}),
    mechanism(
        "worker-in-iframe",
        '<iframe src="{E}/f.html?{M}"></iframe>',
        "GET {E}/f.html?{M}",
        "GET {E}/w.js?{M}",
        POSTED,
        POSTED_BLOB,
        assets={"{E}/f.html?{M}": START, "{E}/w.js?{M}": POST + ";" + POST_BLOB},
    ),
    mechanism(
        "blob-worker",
        script("const w = new Worker(URL.createObjectURL(new Blob([`" + POST + "`])))"),
        POSTED,
    ),
    mechanism(
        "data-worker", script("new Worker(`data:text/javascript,${encodeURIComponent('" + POST + "')}`)"), POSTED
    ),
    mechanism(
        "module-worker",
        script('new Worker("/w.js?{M}", {type: "module"})'),
        "GET {F}/w.js?{M}",
        "GET {T}/dep.js?{M}",
        POSTED,
        assets={"{F}/w.js?{M}": 'import "{T}/dep.js?{M}";', "{T}/dep.js?{M}": POST},
    ),
    mechanism(
        "worker-import-scripts",
        START,
        "GET {F}/w.js?{M}",
        "GET {T}/dep.js?{M}",
        POSTED,
        assets={"{F}/w.js?{M}": 'importScripts("{T}/dep.js?{M}")', "{T}/dep.js?{M}": POST},
    ),
    mechanism(
        "nested-worker",
        START,
        "GET {F}/w.js?{M}",
        "GET {F}/inner.js?{M}",
        POSTED,
        POSTED_BLOB,
        assets={"{F}/w.js?{M}": 'new Worker("/inner.js?{M}")', "{F}/inner.js?{M}": POST + ";" + POST_BLOB},
    ),
    mechanism(
        "worker-xhr",
        START,
        "GET {F}/w.js?{M}",
        ("POST {T}/x?{M}", Multipart((("k", b"v"),))),
        assets={
            "{F}/w.js?{M}": 'const d = new FormData(); d.append("k", "v"); const x = new XMLHttpRequest;'
            'x.open("POST", "{T}/x?{M}"); x.send(d)'
        },
    ),
    # Chromium cancels what a worker asks for in its last breath; were it ever to send it, the record must hold it.
    mechanism(
        "worker-closes-at-once",
        START,
        "GET {F}/w.js?{M}",
        assets={
            "{F}/w.js?{M}": 'fetch("{T}/w?{M}", {method: "POST", body: "worker=1", keepalive: true, mode: "no-cors"}); close()'
        },
    ),
    mechanism(
        "worker-timer-2s",
        START,
        "GET {F}/w.js?{M}",
        POSTED,
        assets={"{F}/w.js?{M}": "setTimeout(() => { " + POST + " }, 2000)"},
    ),
    mechanism(
        "worker-interval",
        START,
        "GET {F}/w.js?{M}",
        POSTED,
        assets={
            "{F}/w.js?{M}": "let n = 0; const i = setInterval(() => { if (++n == 20) { clearInterval(i); "
            + POST
            + " } }, 1000)"
        },
    ),
    mechanism(
        "worker-late",
        script('setTimeout(() => new Worker("/w.js?{M}"), 5000)'),
        "GET {F}/w.js?{M}",
        POSTED,
        assets={"{F}/w.js?{M}": "setTimeout(() => { " + POST + " }, 6000)"},
    ),
    mechanism(
        "worker-websocket",
        START,
        "GET {F}/w.js?{M}",
        "GET {W}/s?{M}",
        ("FRAME {W}/s?{M}", b"from worker"),
        assets={"{F}/w.js?{M}": 'const s = new WebSocket("{W}/s?{M}"); s.onopen = () => s.send("from worker")'},
    ),
    mechanism(
        "shared-worker",
        script('new SharedWorker("/shared.js?{M}")'),
        "GET {F}/shared.js?{M}",
        POSTED,
        POSTED_BLOB,
        assets={"{F}/shared.js?{M}": POST + ";" + POST_BLOB},
    ),
    # A stranger's frame gets no shared worker in some versions: what the server saw is the truth either way.
    mechanism(
        "shared-worker-in-iframe",
        '<iframe src="{E}/f.html?{M}"></iframe>',
        "GET {E}/f.html?{M}",
        assets={"{E}/f.html?{M}": script('new SharedWorker("/shared.js?{M}")'), "{E}/shared.js?{M}": POST},
    ),
    mechanism(
        "service-worker-blocked",
        script(
            'const send = () => navigator.sendBeacon("{T}/fallback?{M}", "by=page");'
            'navigator.serviceWorker ? navigator.serviceWorker.register("/sw.js?{M}", {scope: "/m/{NAME}/"})'
            ".then(r => r && r.installing ? 0 : send(), send) : send()"
        ),
        ("POST {T}/fallback?{M}", b"by=page"),
    ),
    mechanism(
        "service-worker-allowed",
        script('navigator.serviceWorker.register("/sw/{NAME}/sw.js?{M}")'),
        "GET {F}/sw/{NAME}/sw.js?{M}",
        POSTED,
        POSTED_BLOB,
        service_workers=True,
        assets={
            "{F}/sw/{NAME}/sw.js?{M}": "oninstall = e => e.waitUntil(Promise.all([" + POST + "," + POST_BLOB + "]))"
        },
    ),
    mechanism(
        "service-worker-relay",
        script(
            'navigator.serviceWorker.onmessage = () => fetch("{T}/through?{M}", {method: "POST", body: "via=sw", mode: "no-cors"});'
            'navigator.serviceWorker.register("/m/{NAME}-sw.js?{M}", {scope: "/m/{NAME}"})'
        ),
        ("POST {T}/through?{M}", b"via=sw"),
        service_workers=True,
        assets={
            "{F}/m/{NAME}-sw.js?{M}": Reply(
                200,
                (("Content-Type", TYPES["js"]), ("Service-Worker-Allowed", "/")),
                b"oninstall = () => skipWaiting(); onactivate = e => e.waitUntil(clients.claim().then(() => clients.matchAll())"
                b".then(all => all.forEach(c => c.postMessage(1)))); onfetch = e => e.respondWith(fetch(e.request))",
            )
        },
    ),
    mechanism(
        "worker-after-20s",
        script('setTimeout(() => new Worker("/w.js?{M}"), 20000)'),
        "GET {F}/w.js?{M}",
        POSTED,
        assets={"{F}/w.js?{M}": POST},
    ),
    mechanism(
        "worker-import-chain",
        script('new Worker("/w.js?{M}")'),
        "GET {A}/1.js?{M}",
        "GET {B}/2.js?{M}",
        "GET {C}/3.js?{M}",
        POSTED,
        assets={
            "{F}/w.js?{M}": 'importScripts("{A}/1.js?{M}")',
            "{A}/1.js?{M}": 'importScripts("{B}/2.js?{M}")',
            "{B}/2.js?{M}": 'import("{C}/3.js?{M}")',
            "{C}/3.js?{M}": POST,
        },
    ),
    mechanism(
        "worker-fed-by-page",
        script("const w = new Worker('/w.js?{M}'); addEventListener('mousemove', e => w.postMessage(1), {once: true})"),
        POSTED,
        assets={"{F}/w.js?{M}": "onmessage = () => setTimeout(() => " + POST + ", 6000)"},
    ),
    mechanism(
        "worker-on-exit",
        script(
            "const w = new Worker('/w.js?{M}'); let s; addEventListener('visibilitychange', () => s || (s = 1, w.postMessage(1)))"
        ),
        POSTED,
        assets={"{F}/w.js?{M}": "onmessage = () => " + POST},
    ),
    mechanism(
        "shared-worker-blob",
        script("new SharedWorker(URL.createObjectURL(new Blob([`setTimeout(() => " + POST + ", 4000)`])))"),
        POSTED,
    ),
    mechanism(
        "service-worker-of-a-frame",
        '<iframe src="{E}/f.html?{M}"></iframe>',
        POSTED,
        service_workers=True,
        assets={
            "{E}/f.html?{M}": script('navigator.serviceWorker.register("/sw/{NAME}/sw.js?{M}").catch(() => 0)'),
            "{E}/sw/{NAME}/sw.js?{M}": "oninstall = e => e.waitUntil(" + POST + ")",
        },
    ),
    mechanism(
        "service-worker-cache-and-socket",
        script('navigator.serviceWorker.register("/sw/{NAME}/sw.js?{M}")'),
        "GET {T}/c1.js?{M}",
        "GET {W}/s?{M}",
        ("FRAME {W}/s?{M}", b"from sw"),
        service_workers=True,
        assets={
            "{F}/sw/{NAME}/sw.js?{M}": "importScripts('{T}/imported.js?{M}'); oninstall = e => e.waitUntil(caches.open('c').then(c => c.addAll(['{T}/c1.js?{M}', '/sw/{NAME}/c2.css?{M}'])).then(() => new Promise(d => { const s = new WebSocket('{W}/s?{M}'); s.onopen = () => { s.send('from sw'); setTimeout(d, 100) } })))"
        },
    ),
    mechanism(
        "service-worker-of-the-page-blocked",
        script(
            "navigator.serviceWorker.register('/sw.js?{M}').then(r => r.update()).then(() => 0, () => navigator.sendBeacon('{T}/b?{M}', 'refused'))"
        ),
        ("POST {T}/b?{M}", b"refused"),
    ),
)
