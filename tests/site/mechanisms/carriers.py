# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms that carry something in unusual places: headers, host names, paths, views of buffers, loaders of loaders."""

from __future__ import annotations

from tests.site.mechanisms.base import Multipart, Seen, mechanism, script
from tests.site.reply import Reply

CARRIERS = (
    mechanism(
        "host-labels",
        script(
            "new Image().src = 'https://' + 'a@b.test'.split('').map(c => c.charCodeAt().toString(16)).join('') + '.t.tracker.test/?{M}'"
        ),
        "GET https://6140622e74657374.t.tracker.test/?{M}",
    ),
    mechanism(
        "host-shapes",
        "".join(
            f'<img src="{u}?{{M}}">'
            for u in (
                "https://192.0.2.7/four.gif",
                "https://[2001:db8::7]/six.gif",
                "https://t.tracker.test./dot.gif",
                "https://T.TRACKER.test/case.gif",
                "https://0xC0.0.2.8/hex.gif",
                "//t.tracker.test/relative.gif",
                "https:\\\\t.tracker.test\\back.gif",
            )
        ),
        "GET https://192.0.2.7/four.gif?{M}",
        "GET https://[2001:db8::7]/six.gif?{M}",
        "GET https://t.tracker.test./dot.gif?{M}",
        "GET {T}/case.gif?{M}",
        "GET https://192.0.2.8/hex.gif?{M}",
        "GET {T}/relative.gif?{M}",
        "GET {T}/back.gif?{M}",
    ),
    mechanism(
        "plain-http-frame",
        '<iframe src="http://frame.embed.test/f.html?{M}"></iframe>',
        ("GET http://frame.embed.test/f.html?{M}", b"", Seen.BLOCKED),
    ),
    mechanism(
        "headers-of-ones-own",
        script(
            "fetch('{T}/h?{M}', {headers: {'X-User-Email': 'a@b.test', 'X-Session': 's1'}}); const x = new XMLHttpRequest; x.open('GET', '{T}/x?{M}'); x.setRequestHeader('X-Patient', '4711'); x.send()"
        ),
        "OPTIONS {T}/h?{M}",
        "GET {T}/h?{M}",
        "OPTIONS {T}/x?{M}",
        "GET {T}/x?{M}",
    ),
    mechanism(
        "referer-by-history",
        "<meta name=referrer content=unsafe-url>"
        + script(
            "history.replaceState(0, '', location.pathname + '?diagnosis=hiv'); new Image().src = '{T}/r.gif?{M}'"
        ),
        "GET {T}/r.gif?{M}",
    ),
    mechanism(
        "etag-twice",
        script(
            "fetch('{T}/id.json?{M}').then(() => setTimeout(() => fetch('{T}/id.json?{M}', {cache: 'no-cache'}), 300))"
        ),
        "GET {T}/id.json?{M}",
        assets={
            "{T}/id.json?{M}": Reply(
                200,
                (("Content-Type", "application/json"), ("ETag", '"visitor7"'), ("Cache-Control", "max-age=600")),
                b"{}",
            )
        },
    ),
    mechanism(
        "websocket-stream",
        script(
            "self.WebSocketStream ? new WebSocketStream('{W}/s?{M}').opened.then(o => o.writable.getWriter().write('streamed')) : Object.assign(new WebSocket('{W}/s?{M}'), {onopen() { this.send('streamed') }})"
        ),
        "GET {W}/s?{M}",
        ("FRAME {W}/s?{M}", b"streamed"),
    ),
    mechanism(
        "websocket-many-frames",
        script(
            "const s = new WebSocket('{W}/s?{M}'); s.binaryType = 'arraybuffer'; s.onopen = () => { for (let i = 0; i < 60; i++) s.send('n=' + i); s.send(new Uint8Array(70000)); s.send('x'.repeat(200000)); s.close(1000, 'bye') }"
        ),
        "GET {W}/s?{M}",
        *(("FRAME {W}/s?{M}", f"n={i}".encode()) for i in range(60)),
        ("FRAME {W}/s?{M}", bytes(70000)),
        ("FRAME {W}/s?{M}", b"x" * 200_000),
    ),
    mechanism(
        "beacon-too-long",
        script(
            "navigator.sendBeacon('{T}/b?{M}', 'x'.repeat(70000)) || fetch('{T}/f?{M}', {method: 'POST', mode: 'no-cors', body: 'x'.repeat(70000)})"
        ),
        ("POST {T}/f?{M}", b"x" * 70_000),
    ),
    mechanism(
        "keepalive-too-long",
        script(
            "fetch('{T}/k?{M}', {method: 'POST', mode: 'no-cors', keepalive: true, body: 'x'.repeat(70000)}).catch(() => { const x = new XMLHttpRequest; x.open('POST', '{T}/x?{M}'); x.send('y'.repeat(70000)) })"
        ),
        ("POST {T}/x?{M}", b"y" * 70_000),
    ),
    mechanism(
        "request-cloned",
        script(
            "const r = new Request('{T}/1?{M}', {method: 'POST', mode: 'no-cors', body: 'cloned=1'}); fetch(r.clone()); fetch(r); fetch('{T}/2?{M}', {method: 'POST', mode: 'no-cors', body: new URLSearchParams([['a', '1']])}); fetch(new Request('{T}/3?{M}', {method: 'POST', mode: 'no-cors', body: new Blob(['abcdef']).slice(1, 4)}))"
        ),
        ("POST {T}/1?{M}", b"cloned=1"),
        ("POST {T}/2?{M}", b"a=1"),
        ("POST {T}/3?{M}", b"bcd"),
    ),
    mechanism(
        "buffer-views",
        script(
            "const a = new Uint8Array([0, 1, 2, 3, 254, 255]); navigator.sendBeacon('{T}/1?{M}', a.subarray(2, 5)); navigator.sendBeacon('{T}/2?{M}', new DataView(a.buffer, 4)); fetch('{T}/3?{M}', {method: 'POST', mode: 'no-cors', body: new Uint16Array(a.buffer, 2, 1)})"
        ),
        ("POST {T}/1?{M}", b"\x02\x03\xfe"),
        ("POST {T}/2?{M}", b"\xfe\xff"),
        ("POST {T}/3?{M}", b"\x02\x03"),
    ),
    mechanism(
        "blob-of-blobs",
        script(
            "const f = new File([new Blob(['a', new Blob(['b'])]), new Uint8Array([0])], 'x.bin', {type: 'text/plain'}); navigator.sendBeacon('{T}/1?{M}', f); const d = new FormData(); d.append('f', f); d.append('t', 'y'); const x = new XMLHttpRequest; x.open('POST', '{T}/2?{M}'); x.send(d); fetch('{T}/3?{M}', {method: 'POST', mode: 'no-cors', body: new Blob(['z'.repeat(300000)])})"
        ),
        ("POST {T}/1?{M}", b"ab\x00"),
        ("POST {T}/2?{M}", Multipart((("f", b"ab\x00"), ("t", b"y")))),
        ("POST {T}/3?{M}", b"z" * 300_000),
    ),
    mechanism(
        "compressed-bodies",
        script(
            "const z = async (t, k) => new Response(new Blob([t]).stream().pipeThrough(new CompressionStream(k))).arrayBuffer(); for (const k of ['gzip', 'deflate', 'deflate-raw']) z('{\"e\":1}', k).then(a => fetch('{T}/' + k + '?{M}', {method: 'POST', mode: 'no-cors', body: a}))"
        ),
        *((f"POST {{T}}/{kind}?{{M}}", None) for kind in ("gzip", "deflate", "deflate-raw")),
    ),
    mechanism(
        "method-odd",
        script("fetch('{T}/o?{M}', {method: 'PROPFIND', body: 'x=1'}); fetch('{T}/h?{M}', {method: 'HEAD'})"),
        "OPTIONS {T}/o?{M}",
        ("PROPFIND {T}/o?{M}", b"x=1"),
        "HEAD {T}/h?{M}",
    ),
    mechanism(
        "eval-chain",
        script(
            "const code = `const s = document.createElement('script'); s.src = URL.createObjectURL(new Blob(['navigator.sendBeacon(\"{T}/b?{M}\", \"evaluated\")'])); document.head.append(s)`;"
            "eval('new Function(code)()')"
        ),
        ("POST {T}/b?{M}", b"evaluated"),
    ),
    mechanism(
        "module-graph",
        '<script type=module src="{T}/a.js?{M}"></script>',
        "GET {T}/a.js?{M}",
        "GET {A}/b.js?{M}",
        "GET {B}/c.js?{M}",
        ("POST {T}/b?{M}", b"top"),
        assets={
            "{T}/a.js?{M}": "import {x} from '{A}/b.js?{M}'; await new Promise(d => setTimeout(d, 1500)); navigator.sendBeacon('{T}/b?{M}', x)",
            "{A}/b.js?{M}": "export * from '{B}/c.js?{M}'",
            "{B}/c.js?{M}": "export const x = 'top'",
        },
    ),
    mechanism(
        "audio-worklet",
        script(
            "const c = new OfflineAudioContext(1, 1, 44100); c.audioWorklet.addModule('{T}/aw.js?{M}'); CSS.layoutWorklet && CSS.layoutWorklet.addModule('{T}/lw.js?{M}')"
        ),
        "GET {T}/aw.js?{M}",
        "GET {T}/dep.js?{M}",
        assets={"{T}/aw.js?{M}": "import '{T}/dep.js?{M}'"},
    ),
    mechanism(
        "fedcm",
        script(
            "navigator.credentials.get({identity: {providers: [{configURL: 'https://idp.login.test/fedcm.json?{M}', clientId: 'clinic-1', nonce: 'n1'}]}}).catch(e => fetch('{T}/refused?{M}&e=' + e.name))"
        ),
        "GET https://idp.login.test/fedcm.json?{M}",
        assets={
            "https://idp.login.test/.well-known/web-identity": Reply(
                200,
                (("Content-Type", "application/json"),),
                b'{"provider_urls":["https://idp.login.test/fedcm.json?{M}"]}',
            ),
            "https://idp.login.test/fedcm.json?{M}": Reply(
                200,
                (("Content-Type", "application/json"),),
                b'{"accounts_endpoint":"/accounts?{M}","client_metadata_endpoint":"/client?{M}","id_assertion_endpoint":"/assert?{M}","login_url":"/login?{M}"}',
            ),
        },
    ),
    mechanism(
        "hls-video",
        '<video autoplay muted src="{T}/live.m3u8?{M}"></video>',
        "GET {T}/live.m3u8?{M}",
        assets={
            "{T}/live.m3u8?{M}": Reply(
                200,
                (("Content-Type", "application/vnd.apple.mpegurl"),),
                b"#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\n{A}/seg1.ts?{M}\n#EXT-X-ENDLIST\n",
            )
        },
    ),
    mechanism(
        "rtc-stun",
        script(
            "if (self.RTCPeerConnection) { const c = new RTCPeerConnection({iceServers: [{urls: 'stun:stun.tracker.test:3478'}]}); c.createDataChannel('x'); c.createOffer().then(o => c.setLocalDescription(o)).then(() => navigator.sendBeacon('{T}/b?{M}', 'offered')) }"
        ),
        ("POST {T}/b?{M}", b"offered"),
    ),
    mechanism(
        "web-transport",
        script(
            "try { const t = new WebTransport('https://wt.tracker.test/x?{M}'); t.ready.catch(() => 0); t.closed.catch(() => 0) } catch (e) {} fetch('{T}/after?{M}')"
        ),
        "GET {T}/after?{M}",
    ),
    mechanism(
        "credentials-asked",
        '<img src="{T}/locked.gif?{M}">' + script("setTimeout(() => fetch('{T}/later?{M}'), 4000)"),
        "GET {T}/locked.gif?{M}",
        "GET {T}/later?{M}",
        outcomes="ok",
        assets={
            "{T}/locked.gif?{M}": Reply(
                401, (("WWW-Authenticate", 'Basic realm="x"'), ("Content-Type", "text/html")), b"no"
            )
        },
    ),
    mechanism(
        "critical-hints",
        '<iframe src="{E}/f.html?{M}"></iframe>',
        "GET {E}/f.html?{M}",
        "GET {T}/i.gif?{M}",
        assets={
            "{E}/f.html?{M}": Reply(
                200,
                (("Content-Type", "text/html"), ("Accept-CH", "DPR"), ("Critical-CH", "DPR")),
                b'<!doctype html><img src="{T}/i.gif?{M}">',
            )
        },
    ),
    mechanism(
        "strict-transport",
        '<iframe src="{F}/f.html?{M}"></iframe><img src="http://www.facebook.com/tr?{M}"><iframe src="http://accounts.google.com/x.html?{M}"></iframe>',
        "GET https://www.facebook.com/tr?{M}",
    ),
)
