# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms of bodies: beacons, fetches, XHR and forms that carry something of every kind."""

from __future__ import annotations

from tests.site.mechanisms.base import Multipart, Seen, mechanism, script
from tests.site.reply import Fate, Reply

EVERY_BYTE = bytes(range(256))
MEGABYTE = b"0123456789abcdef" * 65_536
GZIP_HEAD = (
    "const gz = async t => new Response(new Blob([t]).stream().pipeThrough(new CompressionStream('gzip'))).blob();"
)

BODIES = (
    mechanism(
        "beacon-string",
        script('navigator.sendBeacon("{T}/b?{M}", "hello=1&x=%C3%A9é")'),
        ("POST {T}/b?{M}", "hello=1&x=%C3%A9é".encode()),
    ),
    mechanism(
        "beacon-blob",
        script('navigator.sendBeacon("{T}/b?{M}", new Blob([\'{"e":"page"}\'], {type: "text/plain"}))'),
        ("POST {T}/b?{M}", b'{"e":"page"}'),
    ),
    mechanism(
        "beacon-json-blob",
        script('navigator.sendBeacon("{T}/b?{M}", new Blob([\'{"e":"page"}\'], {type: "application/json"}))'),
        ("OPTIONS {T}/b?{M}", b""),
        ("POST {T}/b?{M}", b'{"e":"page"}'),
    ),
    mechanism(
        "beacon-formdata",
        script(
            'const d = new FormData(); d.append("em", "a@b.test"); d.append("ev", "view"); navigator.sendBeacon("{T}/b?{M}", d)'
        ),
        ("POST {T}/b?{M}", Multipart((("em", b"a@b.test"), ("ev", b"view")))),
    ),
    mechanism(
        "beacon-arraybuffer",
        script('navigator.sendBeacon("{T}/b?{M}", new Uint8Array([...Array(256).keys()]).buffer)'),
        ("POST {T}/b?{M}", EVERY_BYTE),
    ),
    mechanism(
        "beacon-urlsearchparams",
        script('navigator.sendBeacon("{T}/b?{M}", new URLSearchParams({dl: "https://x.test/?q=ä b", n: "1"}))'),
        ("POST {T}/b?{M}", b"dl=https%3A%2F%2Fx.test%2F%3Fq%3D%C3%A4+b&n=1"),
    ),
    mechanism("beacon-empty", script('navigator.sendBeacon("{T}/b?{M}")'), "POST {T}/b?{M}"),
    mechanism(
        "beacon-60kb", script('navigator.sendBeacon("{T}/b?{M}", "x".repeat(60000))'), ("POST {T}/b?{M}", b"x" * 60_000)
    ),
    mechanism(
        "beacon-gzip",
        script(
            GZIP_HEAD
            + 'gz("{\\"replay\\":[1,2,3]}").then(b => b.arrayBuffer()).then(a => navigator.sendBeacon("{T}/b?{M}", a))'
        ),
        ("POST {T}/b?{M}", None),
    ),
    mechanism(
        "fetch-keepalive",
        script('fetch("{T}/f?{M}", {method: "POST", keepalive: true, body: "alive=1", mode: "no-cors"})'),
        ("POST {T}/f?{M}", b"alive=1"),
    ),
    mechanism(
        "fetch-blob",
        script(
            'fetch("{T}/f?{M}", {method: "POST", body: new Blob([new Uint8Array([...Array(256).keys()])]), mode: "no-cors"})'
        ),
        ("POST {T}/f?{M}", EVERY_BYTE),
    ),
    mechanism(
        "fetch-formdata-file",
        script(
            'const d = new FormData(); d.append("text", "ü"); d.append("file", new Blob([new Uint8Array([0, 255, 13, 10])]), "scan.bin");'
            'fetch("{T}/f?{M}", {method: "POST", body: d})'
        ),
        ("POST {T}/f?{M}", Multipart((("text", "ü".encode()), ("file", b"\x00\xff\r\n")))),
    ),
    mechanism(
        "fetch-json",
        script(
            'fetch("{T}/f?{M}", {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({a: ["ä"]})})'
        ),
        "OPTIONS {T}/f?{M}",
        ("POST {T}/f?{M}", '{"a":["ä"]}'.encode()),
    ),
    mechanism(
        "fetch-methods",
        script(
            'for (const method of ["PUT", "DELETE", "PATCH"]) fetch("{T}/" + method + "?{M}", {method, body: method})'
        ),
        *(
            entry
            for verb in ("PUT", "DELETE", "PATCH")
            for entry in (f"OPTIONS {{T}}/{verb}?{{M}}", (f"{verb} {{T}}/{verb}?{{M}}", verb.encode()))
        ),
    ),
    mechanism("fetch-get", script('fetch("{T}/f.json?{M}&a=1#fragment")'), "GET {T}/f.json?{M}&a=1"),
    mechanism(
        "fetch-megabyte",
        script('fetch("{T}/f?{M}", {method: "POST", body: "0123456789abcdef".repeat(65536)})'),
        ("POST {T}/f?{M}", MEGABYTE),
    ),
    mechanism(
        "fetch-stream-body",
        script(
            'fetch("{T}/f?{M}", {method: "POST", duplex: "half", mode: "cors", body: new Blob(["streamed"]).stream()}).catch(() => 0);'
            'fetch("{T}/after?{M}")'
        ),
        "GET {T}/after?{M}",
    ),
    mechanism(
        "fetch-cors-refused",
        script('fetch("{T}/private.json?{M}").catch(() => 0)'),
        "GET {T}/private.json?{M}",
        assets={
            "{T}/private.json?{M}": Reply(
                200,
                (("Content-Type", "application/json"), ("Access-Control-Allow-Origin", "https://other.test")),
                b"{}",
            )
        },
    ),
    mechanism(
        "fetch-preflight-refused",
        script('fetch("{T}/refused?{M}", {method: "PUT", body: "never sent"}).catch(() => 0)'),
        "OPTIONS {T}/refused?{M}",
        ("PUT {T}/refused?{M}", None, Seen.FAILED),
        assets={"{T}/refused?{M}": Reply(403, (("Access-Control-Allow-Origin", "https://other.test"),))},
    ),
    # Whether it got out before it was aborted is a race; record and server must agree on who won.
    mechanism(
        "fetch-aborted",
        script(
            'const c = new AbortController(); fetch("{T}/slow?{M}", {signal: c.signal}).catch(() => 0); setTimeout(() => c.abort(), 200)'
        ),
        assets={"{T}/slow?{M}": Reply(fate=Fate.HANG)},
        outcomes="ok partial",
    ),
    mechanism(
        "fetch-dropped",
        script(
            'fetch("https://drop.drops.test/d?{M}", {method: "POST", body: "lost=1", mode: "no-cors"}).catch(() => 0)'
        ),
        ("POST https://drop.drops.test/d?{M}", b"lost=1"),
        assets={"https://drop.drops.test/d?{M}": Reply(fate=Fate.DROP)},
    ),
    mechanism(
        "fetch-from-data",
        script('fetch("data:text/plain,x").then(r => r.text()).then(t => fetch("{T}/f?{M}&t=" + t))'),
        "GET {T}/f?{M}&t=x",
    ),
    mechanism(
        "fetch-later-timed",
        script('const f = window.fetchLater || fetch; f("{T}/later?{M}", {activateAfter: 1000})'),
        "GET {T}/later?{M}",
    ),
    # Were it to stay pending until the document dies, the browser would send it out of every listener's sight.
    mechanism(
        "fetch-later-at-the-end",
        script(
            'const last = () => navigator.sendBeacon("{T}/later?{M}");'
            'window.fetchLater ? fetchLater("{T}/later?{M}", {method: "POST"}) : addEventListener("pagehide", last, {once: true})'
        ),
        "POST {T}/later?{M}",
    ),
    mechanism(
        "xhr",
        script('const x = new XMLHttpRequest; x.open("POST", "{T}/x?{M}"); x.send("xhr=1")'),
        ("POST {T}/x?{M}", b"xhr=1"),
    ),
    mechanism(
        "xhr-bodies",
        script(
            'const post = (n, b) => { const x = new XMLHttpRequest; x.open("POST", "{T}/" + n + "?{M}"); x.send(b) };'
            'post("blob", new Blob(["blob"])); post("buffer", new Uint8Array([1, 0, 2]).buffer); post("view", new Uint8Array([3, 255]));'
            'const d = new FormData(); d.append("a", "1"); post("form", d); post("params", new URLSearchParams({b: "2"}));'
            'post("document", new DOMParser().parseFromString("<a/>", "text/xml"))'
        ),
        ("POST {T}/blob?{M}", b"blob"),
        ("POST {T}/buffer?{M}", b"\x01\x00\x02"),
        ("POST {T}/view?{M}", b"\x03\xff"),
        ("POST {T}/form?{M}", Multipart((("a", b"1"),))),
        ("POST {T}/params?{M}", b"b=2"),
        ("POST {T}/document?{M}", b"<a/>"),
    ),
    mechanism(
        "xhr-sync",
        script('const x = new XMLHttpRequest; x.open("POST", "{T}/x?{M}", false); x.send("sync=1")'),
        ("POST {T}/x?{M}", b"sync=1"),
    ),
    mechanism(
        "form-into-iframe",
        '<iframe name=sink></iframe><form method=post target=sink action="{T}/form.html?{M}"><input name=tid value=2612>'
        '<input name=pd value=\'{"em":"ä"}\'></form>' + script("document.forms[0].submit()"),
        ("POST {T}/form.html?{M}", b"tid=2612&pd=%7B%22em%22%3A%22%EF%BF%BD%22%7D".replace(b"%EF%BF%BD", b"%C3%A4")),
    ),
    mechanism(
        "form-multipart",
        '<iframe name=sink></iframe><form method=post enctype=multipart/form-data target=sink action="{T}/form.html?{M}">'
        "<input name=a value='&auml; 1'><textarea name=b>two\nlines</textarea></form>"
        + script("document.forms[0].submit()"),
        ("POST {T}/form.html?{M}", Multipart((("a", "ä 1".encode()), ("b", b"two\r\nlines")))),
    ),
    mechanism(
        "form-multipart-file",
        '<iframe name=sink></iframe><form method=post enctype=multipart/form-data target=sink action="{T}/form.html?{M}">'
        "<input name=a value=1><input type=file name=f></form>"
        + script(
            'const t = new DataTransfer(); t.items.add(new File([new Uint8Array([0, 254, 10])], "x.bin"));'
            "document.forms[0].f.files = t.files; document.forms[0].submit()"
        ),
        ("POST {T}/form.html?{M}", Multipart((("a", b"1"), ("f", b"\x00\xfe\n")))),
    ),
    mechanism(
        "form-latin1",
        '<iframe name=sink></iframe><form method=post accept-charset=iso-8859-1 target=sink action="{T}/form.html?{M}">'
        "<input name=ort value='K&ouml;ln &euro;'></form>" + script("document.forms[0].submit()"),
        ("POST {T}/form.html?{M}", b"ort=K%F6ln+%80"),
    ),
    mechanism(
        "form-text-plain",
        '<iframe name=sink></iframe><form method=post enctype=text/plain target=sink action="{T}/form.html?{M}">'
        "<input name=a value='b c'></form>" + script("document.forms[0].submit()"),
        ("POST {T}/form.html?{M}", b"a=b c\r\n"),
    ),
    mechanism(
        "a-ping",
        '<a id=a href="#x" ping="{T}/ping?{M} {A}/ping?{M}">x</a>' + script("a.click()"),
        ("POST {T}/ping?{M}", b"PING"),
        ("POST {A}/ping?{M}", b"PING"),
    ),
)
