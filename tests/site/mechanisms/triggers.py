# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms of events that few think of: what a page may wait for besides timers, scrolling and the pointer."""

from __future__ import annotations

from tests.site.mechanisms.base import Mechanism, Seen, mechanism, script
from tests.site.reply import TYPES, Reply

SEND = 'navigator.sendBeacon("{T}/b?{M}", "at={NAME}")'
TALL = "<div style='height:5000px'>scroll on</div>"


def _on(name: str, code: str, html: str = "") -> Mechanism:
    return mechanism(name, html + script(code.replace("SEND", SEND)), ("POST {T}/b?{M}", f"at={name}".encode()))


TRIGGERS = (
    _on("scroll-end", "addEventListener('scrollend', () => SEND, {once: true})", TALL),
    _on("first-click", "document.addEventListener('click', () => SEND, {once: true})"),
    _on("first-pointerdown", "addEventListener('pointerdown', () => SEND, {once: true})"),
    _on("first-focus", "addEventListener('focus', () => SEND, {once: true, capture: true})", "<input autofocus>"),
    _on("mouse-enters-html", "document.documentElement.addEventListener('mouseenter', () => SEND, {once: true})"),
    _on("window-blur", "addEventListener('blur', () => SEND, {once: true})"),
    _on("page-hide-by-property", "window.onpagehide = () => SEND"),
    _on("unload-only", "window.onunload = () => SEND"),
    _on(
        "largest-paint",
        "new PerformanceObserver((l, o) => { o.disconnect(); SEND }).observe({type: 'largest-contentful-paint', buffered: true})",
        "<h1>Some large words</h1>",
    ),
    _on(
        "first-input-observer",
        "let done; new PerformanceObserver(() => done || (done = SEND)).observe({type: 'event', durationThreshold: 16, buffered: true}); addEventListener('click', () => { const t = Date.now(); while (performance.now() < 0) ; for (let i = 0; i < 3e7; i++) Math.sqrt(i) }); new PerformanceObserver(() => done || (done = SEND)).observe({type: 'first-input', buffered: true})",
    ),
    _on(
        "element-timing",
        "new PerformanceObserver((l, o) => { o.disconnect(); SEND }).observe({type: 'element', buffered: true})",
        "<p elementtiming=x>Some words to be painted</p>",
    ),
    _on(
        "resource-observer",
        "new PerformanceObserver((l, o) => { if (l.getEntries().some(e => e.name.includes('own.gif'))) { o.disconnect(); SEND } }).observe({type: 'resource', buffered: true}); const i = new Image; i.src = '/own.gif?{M}'",
    ),
    _on(
        "message-channel",
        "const c = new MessageChannel; c.port1.onmessage = () => SEND; setTimeout(() => c.port2.postMessage(1), 1500)",
    ),
    _on(
        "storage-event-of-a-frame",
        "addEventListener('storage', () => SEND, {once: true}); const f = document.createElement('iframe'); f.src = '/m/{NAME}?frame'; if (location.search !== '?frame') document.body.append(f); else localStorage.setItem('k', Date.now())",
    ),
    _on(
        "cookie-change",
        "cookieStore.addEventListener('change', () => SEND, {once: true}); setTimeout(() => { document.cookie = 'k=v' }, 800)",
    ),
    _on(
        "hash-change",
        "addEventListener('hashchange', () => SEND, {once: true}); setTimeout(() => location.hash = 'step-2', 700)",
    ),
    _on(
        "navigation-api",
        "navigation.addEventListener('navigate', e => e.canIntercept && e.intercept({handler: async () => { SEND }}), {once: true}); setTimeout(() => navigation.navigate('?step=2'), 900)",
    ),
    _on(
        "details-toggle",
        "d.addEventListener('toggle', () => SEND, {once: true}); setTimeout(() => d.open = true, 800)",
        "<details id=d><summary>More</summary>words</details>",
    ),
    _on(
        "view-transition",
        "setTimeout(() => document.startViewTransition(() => { document.title = 'b' }).finished.then(() => SEND), 600)",
    ),
    _on(
        "web-animation",
        "document.body.animate([{opacity: .5}, {opacity: 1}], {duration: 3000}).finished.then(() => SEND)",
    ),
    _on(
        "transition-end",
        "p.ontransitionend = () => SEND; setTimeout(() => p.style.opacity = 0, 500)",
        "<style>p{opacity:1;transition:opacity 2s}</style><p id=p>words",
    ),
    _on(
        "worker-clock",
        "const w = new Worker(URL.createObjectURL(new Blob(['setTimeout(() => postMessage(1), 5000)']))); w.onmessage = () => SEND",
    ),
    _on(
        "web-lock",
        "navigator.locks.request('l', async () => { await new Promise(d => setTimeout(d, 2000)) }); navigator.locks.request('l', async () => { SEND })",
    ),
    _on(
        "indexed-db",
        "const r = indexedDB.open('db', 1); r.onupgradeneeded = () => r.result.createObjectStore('s'); r.onsuccess = () => { const t = r.result.transaction('s', 'readwrite'); t.objectStore('s').put(1, 'k'); t.oncomplete = () => SEND }",
    ),
    _on("cache-storage", "caches.open('c').then(c => c.put('/x', new Response('1'))).then(() => SEND)"),
    _on("digest-then-send", "crypto.subtle.digest('SHA-256', new TextEncoder().encode('a@b.test')).then(() => SEND)"),
    _on("media-query-change", "const q = matchMedia('(min-width: 1px)'); q.matches && SEND"),
    _on("image-decode", "const i = new Image; i.src = '/own.gif?{M}'; i.decode().catch(() => 0).then(() => SEND)"),
    _on("fonts-ready", "document.fonts.ready.then(() => SEND)"),
    _on("wasm-start", "WebAssembly.instantiate(new Uint8Array([0,97,115,109,1,0,0,0])).then(() => SEND)"),
    _on(
        "custom-element",
        "customElements.define('x-tag', class extends HTMLElement { connectedCallback() { SEND } })",
        "<x-tag></x-tag>",
    ),
    _on(
        "uncaught-error",
        "addEventListener('error', () => SEND, {once: true}); setTimeout(() => { throw new Error('x') }, 300)",
    ),
    _on("unhandled-rejection", "addEventListener('unhandledrejection', () => SEND, {once: true}); Promise.reject(1)"),
    _on("ready-state", "document.onreadystatechange = () => document.readyState === 'complete' && SEND"),
    _on(
        "document-opened-late",
        "setTimeout(() => { document.open(); document.write('<p>new<script>SEND<\\/script>'); document.close() }, 1200)",
    ),
    mechanism(
        "style-sheet-of-xml",
        Reply(
            200,
            (("Content-Type", "application/xml"),),
            b'<?xml version="1.0"?><?xml-stylesheet type="text/css" href="{T}/xml.css?{M}"?><page><words>some</words></page>',
        ),
        "GET {T}/xml.css?{M}",
        outcomes="ok partial failed",
    ),
    mechanism(
        "payment-methods",
        script(
            "try { new PaymentRequest([{supportedMethods: '{T}/pay?{M}'}], {total: {label: 'x', amount: {currency: 'USD', value: '1'}}}).canMakePayment().catch(() => 0) } catch (e) {}"
        ),
    ),
    mechanism(
        "attribution-sources",
        '<img attributionsrc="{A}/source?{M}" src="{T}/i.gif?{M}"><a attributionsrc href="/x">x</a>'
        + script("fetch('{B}/f?{M}', {mode: 'no-cors', keepalive: true})"),
        "GET {T}/i.gif?{M}",
        "GET {B}/f?{M}",
    ),
    mechanism(
        "interest-groups",
        script(
            "try { navigator.joinAdInterestGroup && navigator.joinAdInterestGroup({owner: '{T}', name: 'n', biddingLogicURL: '{T}/bid.js?{M}', ads: []}, 1000).catch(() => 0) } catch (e) {}"
            "try { navigator.runAdAuction && navigator.runAdAuction({seller: '{T}', decisionLogicURL: '{T}/sell.js?{M}', interestGroupBuyers: ['{T}']}).catch(() => 0) } catch (e) {}"
            "try { window.sharedStorage && sharedStorage.worklet.addModule('/own.js?{M}').catch(() => 0) } catch (e) {}"
        ),
    ),
    mechanism(
        "fenced-frame",
        "<fencedframe src='{E}/f.html?{M}'></fencedframe>"
        + script(
            "const f = document.createElement('fencedframe'); try { f.config = new FencedFrameConfig('{E}/g.html?{M}'); document.body.append(f) } catch (e) {}"
        ),
    ),
    mechanism(
        "network-error-logging",
        '<img src="{T}/i.gif?{M}"><img src="{T}/gone.gif?{M}">',
        "GET {T}/i.gif?{M}",
        "GET {T}/gone.gif?{M}",
        assets={
            "{T}/i.gif?{M}": Reply(
                200,
                (
                    ("Content-Type", TYPES["gif"]),
                    ("Report-To", '{"group":"n","max_age":600,"endpoints":[{"url":"{A}/nel?{M}"}]}'),
                    ("NEL", '{"report_to":"n","max_age":600,"success_fraction":1.0,"failure_fraction":1.0}'),
                ),
                b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;",
            )
        },
    ),
    mechanism(
        "source-maps",
        '<script src="{T}/lib.js?{M}"></script><link rel=stylesheet href="{T}/lib.css?{M}">',
        "GET {T}/lib.js?{M}",
        "GET {T}/lib.css?{M}",
        assets={
            "{T}/lib.js?{M}": "var x = 1;\n//# sourceMappingURL={A}/lib.js.map?{M}\n",
            "{T}/lib.css?{M}": "p { margin: 0 }\n/*# sourceMappingURL={A}/lib.css.map?{M} */\n",
        },
    ),
    mechanism(
        "background-sync",
        script(
            "navigator.serviceWorker.register('/sw/{NAME}/sw.js?{M}').then(r => navigator.serviceWorker.ready.then(() => r.sync && r.sync.register('t'))).catch(() => 0)"
        ),
        "GET {F}/sw/{NAME}/sw.js?{M}",
        service_workers=True,
        assets={"{F}/sw/{NAME}/sw.js?{M}": 'onsync = e => e.waitUntil(fetch("{T}/synced?{M}", {mode: "no-cors"}))'},
        outcomes="ok partial",
    ),
    mechanism(
        "pdf-in-a-frame",
        '<iframe src="{E}/paper.pdf?{M}"></iframe><object data="{T}/paper.pdf?{M}" type="application/pdf"></object>',
        "GET {E}/paper.pdf?{M}",
        assets={
            "{E}/paper.pdf?{M}": Reply(200, (("Content-Type", "application/pdf"),), b"%PDF-1.4\n%%EOF\n"),
            "{T}/paper.pdf?{M}": Reply(200, (("Content-Type", "application/pdf"),), b"%PDF-1.4\n%%EOF\n"),
        },
        outcomes="ok partial",
    ),
    mechanism(
        "written-over-frame-then-gone",
        script(
            'const f = document.createElement(\'iframe\'); document.body.append(f); f.contentWindow.eval(\'addEventListener("pagehide", () => parent.navigator.sendBeacon("{T}/b?{M}", "gone=1"))\'); setTimeout(() => f.remove(), 400)'
        ),
        ("POST {T}/b?{M}", b"gone=1"),
    ),
    mechanism(
        "worker-of-a-frame-then-gone",
        script(
            'const f = document.createElement(\'iframe\'); document.body.append(f); const w = new f.contentWindow.Worker(URL.createObjectURL(new Blob([\'fetch("{T}/w?{M}", {method: "POST", body: "w=1", mode: "no-cors"}).then(() => postMessage(1))\']))); w.onmessage = () => f.remove()'
        ),
        ("POST {T}/w?{M}", b"w=1"),
    ),
    mechanism(
        "nothing-but-a-timer-in-a-sandbox",
        "<iframe sandbox='allow-scripts' srcdoc=\"<script>setTimeout(() => fetch('{T}/s?{M}', {mode: 'no-cors', method: 'POST', body: 's=1'}), 12000)</script>\"></iframe>",
        ("POST {T}/s?{M}", b"s=1"),
    ),
    mechanism(
        "blocked-by-permission",
        '<iframe src="{E}/f.html?{M}" allow="sync-xhr \'none\'"></iframe><iframe csp="script-src \'none\'" src="{A}/g.html?{M}"></iframe>',
        "GET {E}/f.html?{M}",
        ("GET {A}/g.html?{M}", b"", Seen.RECEIVED),
        outcomes="ok partial",
    ),
)
