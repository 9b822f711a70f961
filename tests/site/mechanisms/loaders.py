# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms of loaders, sockets and streams: who brings whom, and connections that stay open."""

from __future__ import annotations

from tests.site.mechanisms.base import mechanism, script
from tests.site.reply import Fate, Reply

LOADERS = (
    mechanism(
        "document-write",
        script("document.write('<script src=\"{T}/w.js?{M}\"><\\/script>')"),
        "GET {T}/w.js?{M}",
        "GET {T}/w.gif?{M}",
        assets={"{T}/w.js?{M}": 'new Image().src = "{T}/w.gif?{M}"'},
    ),
    mechanism(
        "dynamic-import",
        script('import("{T}/d.js?{M}")'),
        "GET {T}/d.js?{M}",
        "GET {T}/d.gif?{M}",
        assets={"{T}/d.js?{M}": 'new Image().src = "{T}/d.gif?{M}"; export default 1'},
    ),
    mechanism(
        "loader-chain",
        '<script async src="{A}/1.js?{M}"></script>',
        "GET {A}/1.js?{M}",
        "GET {B}/2.js?{M}",
        "GET {C}/3.js?{M}",
        ("POST {T}/end?{M}", b"chain=3"),
        assets={
            "{A}/1.js?{M}": 'const s = document.createElement("script"); s.src = "{B}/2.js?{M}"; document.head.append(s)',
            "{B}/2.js?{M}": 'const s2 = document.createElement("script"); s2.src = "{C}/3.js?{M}"; document.head.append(s2)',
            "{C}/3.js?{M}": 'navigator.sendBeacon("{T}/end?{M}", "chain=3")',
        },
    ),
    mechanism(
        "jsonp",
        script('function got() { new Image().src = "{T}/got.gif?{M}" }') + '<script src="{T}/j.js?{M}"></script>',
        "GET {T}/j.js?{M}",
        "GET {T}/got.gif?{M}",
        assets={"{T}/j.js?{M}": "got({})"},
    ),
    mechanism("detached-image", script('new Image().src = "{T}/detached.gif?{M}"'), "GET {T}/detached.gif?{M}"),
    mechanism(
        "inner-html",
        "<div id=d></div>" + script("d.innerHTML = '<img src=x: onerror=\"new Image().src=\\'{T}/err.gif?{M}\\'\">'"),
        "GET {T}/err.gif?{M}",
    ),
    mechanism(
        "closed-shadow-root",
        "<x-tag></x-tag>"
        + script(
            'customElements.define("x-tag", class extends HTMLElement { connectedCallback() {'
            "this.attachShadow({mode: 'closed'}).innerHTML = '<img src=\"{T}/shadow.gif?{M}\">' } })"
        ),
        "GET {T}/shadow.gif?{M}",
    ),
    mechanism(
        "declarative-shadow",
        '<div><template shadowrootmode=closed><img src="{T}/shadow.gif?{M}"></template></div>',
        "GET {T}/shadow.gif?{M}",
    ),
    mechanism(
        "mutation-observer",
        script(
            'new MutationObserver(() => new Image().src = "{T}/mutated.gif?{M}").observe(document.body, {childList: true});'
            "setTimeout(() => document.body.append('x'), 1500)"
        ),
        "GET {T}/mutated.gif?{M}",
    ),
    mechanism(
        "post-message-relay",
        '<iframe src="{E}/relay.html?{M}"></iframe>'
        + script('onmessage = e => navigator.sendBeacon("{T}/relayed?{M}", e.data)'),
        "GET {E}/relay.html?{M}",
        ("POST {T}/relayed?{M}", b"epik=1"),
        assets={"{E}/relay.html?{M}": script('parent.postMessage("epik=1", "*")')},
    ),
    mechanism(
        "broadcast-channel",
        '<iframe src="{F}/bc.html?{M}"></iframe>'
        + script('new BroadcastChannel("c").onmessage = e => fetch("{T}/heard?{M}&w=" + e.data)'),
        "GET {T}/heard?{M}&w=hi",
        assets={"{F}/bc.html?{M}": script('setTimeout(() => new BroadcastChannel("c").postMessage("hi"), 500)')},
    ),
    mechanism(
        "push-state",
        script(
            'setTimeout(() => { history.pushState(0, "", "/m/{NAME}/step2"); fetch("{T}/pv?{M}&p=" + location.pathname) }, 800)'
        ),
        "GET {T}/pv?{M}&p=/m/push-state/step2",
    ),
    mechanism(
        "error-reporter",
        script('onerror = m => { navigator.sendBeacon("{T}/err?{M}", "caught") }; setTimeout(() => nope(), 100)'),
        ("POST {T}/err?{M}", b"caught"),
    ),
    mechanism(
        "font-face-api",
        script('new FontFace("f", "url({T}/api.woff2?{M})").load().catch(() => 0)'),
        "GET {T}/api.woff2?{M}",
    ),
    mechanism("paint-worklet", script('CSS.paintWorklet.addModule("{T}/paint.js?{M}")'), "GET {T}/paint.js?{M}"),
    mechanism(
        "cookie-and-pixel",
        script('document.cookie = "_fix=1;max-age=86400;path=/"') + '<img src="{T}/set.gif?{M}">',
        "GET {T}/set.gif?{M}",
        cookies=("_fix",),
    ),
)

STREAMS = (
    mechanism(
        "websocket",
        script(
            'const s = new WebSocket("{W}/s?{M}"); s.onopen = () => { s.send("hello é"); s.send(new Uint8Array([0, 255, 7])); }'
        ),
        "GET {W}/s?{M}",
        ("FRAME {W}/s?{M}", "hello é".encode()),
        ("FRAME {W}/s?{M}", b"\x00\xff\x07"),
    ),
    mechanism(
        "websocket-blob",
        script('const s = new WebSocket("{W}/s?{M}"); s.onopen = () => s.send(new Blob(["blob"]))'),
        "GET {W}/s?{M}",
        ("FRAME {W}/s?{M}", b"blob"),
        outcomes="partial",
        hides_body=True,
    ),
    mechanism(
        "websocket-in-iframe",
        '<iframe src="{E}/ws.html?{M}"></iframe>',
        "GET {W}/s?{M}",
        ("FRAME {W}/s?{M}", b"framed"),
        assets={"{E}/ws.html?{M}": script('const s = new WebSocket("{W}/s?{M}"); s.onopen = () => s.send("framed")')},
    ),
    mechanism(
        "event-source",
        script('new EventSource("{T}/e.stream?{M}").onmessage = e => fetch("{T}/got?{M}&d=" + e.data)'),
        "GET {T}/e.stream?{M}",
        "GET {T}/got?{M}&d=hello",
        outcomes="ok partial",
        assets={
            "{T}/e.stream?{M}": Reply(
                200, (("Content-Type", "text/event-stream"),), b"retry: 100\ndata: hello\n\n", Fate.EVENT_STREAM
            )
        },
    ),
    mechanism(
        "event-source-open",
        script('new EventSource("{T}/o.stream?{M}").onmessage = e => fetch("{T}/got?{M}&d=" + e.data)'),
        "GET {T}/o.stream?{M}",
        "GET {T}/got?{M}&d=hello",
        outcomes="ok partial",
        endless=True,
        visit_timeout_ms=9_000,
        assets={
            "{T}/o.stream?{M}": Reply(200, (("Content-Type", "text/event-stream"),), b"data: hello\n\n", Fate.ENDLESS)
        },
    ),
    mechanism(
        "long-poll",
        script(
            'const poll = n => fetch("{T}/poll.json?{M}&n=" + n).then(() => n < 60 && setTimeout(poll, 1000, n + 1)); poll(0)'
        ),
        "GET {T}/poll.json?{M}&n=0",
        "GET {T}/poll.json?{M}&n=25",
        outcomes="ok partial",
    ),
    mechanism(
        "polls-for-ever",
        script('const poll = n => fetch("{T}/poll.json?{M}&n=" + n).then(() => poll(n + 1)); poll(0)'),
        "GET {T}/poll.json?{M}&n=0",
        "GET {T}/poll.json?{M}&n=3",
        outcomes="ok partial",
        endless=True,
        visit_timeout_ms=12_000,
    ),
    mechanism(
        "hanging-subresource",
        '<img src="{T}/here.gif?{M}"><img src="https://h.hangs.test/never.gif?{M}">'
        + script('setTimeout(() => fetch("{T}/two?{M}"), 50)'),
        "GET {T}/here.gif?{M}",
        "GET https://h.hangs.test/never.gif?{M}",
        "GET {T}/two?{M}",
        outcomes="partial",
        visit_timeout_ms=9_000,
        assets={"https://h.hangs.test/never.gif?{M}": Reply(fate=Fate.HANG)},
    ),
)
