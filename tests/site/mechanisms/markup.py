# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms of markup and style sheets: the browser fetches because an element or a rule says so."""

from __future__ import annotations

from tests.site.mechanisms.base import Seen, mechanism, script
from tests.site.reply import SVG, Reply

TALL = "<div style='height:6000px'>scroll on</div>"

MARKUP = (
    mechanism("img", '<img src="{T}/i.gif?{M}" alt="">', "GET {T}/i.gif?{M}"),
    # Received only without JavaScript: a browser with it must leave the pixel alone, and so must the record.
    mechanism("noscript", '<noscript><img src="{T}/noscript.gif?{M}" alt=""></noscript>'),
    mechanism("css-background", '<div style="background:url({T}/bg.gif?{M});height:9px"></div>', "GET {T}/bg.gif?{M}"),
    mechanism(
        "css-import",
        "<style>@import url({T}/one.css?{M});</style><p class=x>x",
        "GET {T}/one.css?{M}",
        "GET {A}/two.css?{M}",
        "GET {B}/bg.gif?{M}",
        assets={
            "{T}/one.css?{M}": '@import "{A}/two.css?{M}";',
            "{A}/two.css?{M}": ".x{background-image:url({B}/bg.gif?{M})}",
        },
    ),
    mechanism(
        "font",
        "<style>@font-face{font-family:f;src:url({T}/f.woff2?{M})}p{font-family:f}</style><p>text",
        "GET {T}/f.woff2?{M}",
    ),
    mechanism(
        "font-used-late",
        "<style>@font-face{font-family:f;src:url({T}/f.woff2?{M})}.on{font-family:f}</style><p id=p>text"
        + script("setTimeout(() => p.className = 'on', 3000)"),
        "GET {T}/f.woff2?{M}",
    ),
    mechanism("prefetch", '<link rel=prefetch href="{T}/next.js?{M}">', "GET {T}/next.js?{M}"),
    mechanism("preload", '<link rel=preload as=script href="{T}/soon.js?{M}">', "GET {T}/soon.js?{M}"),
    mechanism(
        "preload-header",
        "<p>x",
        "GET {T}/head.css?{M}",
        headers=(("Link", "<{T}/head.css?{M}>; rel=preload; as=style"),),
    ),
    mechanism("modulepreload", '<link rel=modulepreload href="{T}/mod.js?{M}">', "GET {T}/mod.js?{M}"),
    mechanism(
        "importmap",
        '<script type=importmap>{"imports":{"lib":"{T}/lib.js?{M}"}}</script><script type=module>import "lib"</script>',
        "GET {T}/lib.js?{M}",
        "GET {T}/from-module.gif?{M}",
        assets={"{T}/lib.js?{M}": 'new Image().src = "{T}/from-module.gif?{M}"; export {};'},
    ),
    mechanism(
        "speculation-rules",
        '<script type=speculationrules>{"prefetch":[{"source":"list","urls":["{F}/next.html?{M}"],"eagerness":"immediate"}]}'
        "</script>",
    ),
    mechanism(
        "cross-site-iframe",
        '<iframe src="{E}/frame.html?{M}"></iframe>',
        "GET {E}/frame.html?{M}",
        ("POST {T}/from-frame?{M}", b"framed=1"),
        assets={"{E}/frame.html?{M}": script('navigator.sendBeacon("{T}/from-frame?{M}", new Blob(["framed=1"]))')},
    ),
    mechanism(
        "nested-iframes",
        '<iframe src="{A}/1.html?{M}"></iframe>',
        "GET {A}/1.html?{M}",
        "GET {B}/2.html?{M}",
        "GET {C}/3.html?{M}",
        ("POST {T}/deep?{M}", b"deep=3"),
        assets={
            "{A}/1.html?{M}": '<iframe src="{B}/2.html?{M}"></iframe>',
            "{B}/2.html?{M}": '<iframe src="{C}/3.html?{M}"></iframe>',
            "{C}/3.html?{M}": script('fetch("{T}/deep?{M}", {method: "POST", body: new Blob(["deep=3"])})'),
        },
    ),
    mechanism("srcdoc", "<iframe srcdoc='<img src=\"{T}/srcdoc.gif?{M}\">'></iframe>", "GET {T}/srcdoc.gif?{M}"),
    mechanism(
        "sandboxed-data-iframe",
        '<iframe sandbox="allow-scripts" src="data:text/html,<script>'
        "fetch('{T}/data?{M}', {method:'POST', body:'sandboxed=1', mode:'no-cors'})</script>\"></iframe>",
        ("POST {T}/data?{M}", b"sandboxed=1"),
    ),
    mechanism(
        "blob-iframe",
        script(
            'const f = document.createElement("iframe"); f.src = URL.createObjectURL(new Blob('
            "['<img src=\"{T}/blob-frame.gif?{M}\">'], {type: 'text/html'})); document.body.append(f)"
        ),
        "GET {T}/blob-frame.gif?{M}",
    ),
    mechanism(
        "written-iframe",
        script(
            'const f = document.createElement("iframe"); document.body.append(f); f.contentDocument.open();'
            "f.contentDocument.write('<img src=\"{T}/written.gif?{M}\">'); f.contentDocument.close()"
        ),
        "GET {T}/written.gif?{M}",
    ),
    mechanism(
        "iframe-removed-at-once",
        script(
            'const f = document.createElement("iframe"); document.body.append(f);'
            'f.contentWindow.navigator.sendBeacon("{T}/gone?{M}", "last=words"); f.remove()'
        ),
        ("POST {T}/gone?{M}", b"last=words"),
    ),
    mechanism(
        "lazy-iframe",
        TALL + '<iframe loading=lazy src="{E}/lazy.html?{M}"></iframe>',
        "GET {E}/lazy.html?{M}",
        "GET {T}/lazy.gif?{M}",
        assets={"{E}/lazy.html?{M}": '<img src="{T}/lazy.gif?{M}">'},
    ),
    mechanism("lazy-img", TALL + '<img loading=lazy src="{T}/lazy.gif?{M}" width=9 height=9>', "GET {T}/lazy.gif?{M}"),
    mechanism(
        "picture",
        '<picture><source srcset="{T}/wide.gif?{M} 2x, {T}/narrow.gif?{M} 1x"><img src="{T}/plain.gif?{M}"></picture>',
        "GET {T}/narrow.gif?{M}",
    ),
    mechanism("srcset", '<img srcset="{T}/s.gif?{M} 1x" src="{T}/plain.gif?{M}">', "GET {T}/s.gif?{M}"),
    mechanism("input-image", '<form><input type=image src="{T}/button.gif?{M}"></form>', "GET {T}/button.gif?{M}"),
    mechanism("video-poster", '<video poster="{T}/poster.gif?{M}"></video>', "GET {T}/poster.gif?{M}"),
    mechanism("audio", '<audio preload=auto src="{T}/a.mp4?{M}"></audio>', "GET {T}/a.mp4?{M}"),
    mechanism(
        "video-track",
        '<video crossorigin src="{T}/v.mp4?{M}"><track default kind=captions src="{T}/c.vtt?{M}"></video>',
        "GET {T}/v.mp4?{M}",
        "GET {T}/c.vtt?{M}",
    ),
    mechanism("object", '<object data="{T}/o.svg?{M}" type="image/svg+xml"></object>', "GET {T}/o.svg?{M}"),
    mechanism("embed", '<embed src="{T}/e.svg?{M}" type="image/svg+xml">', "GET {T}/e.svg?{M}"),
    mechanism("svg-image", '<svg><image href="{T}/svg.gif?{M}" width=9 height=9 /></svg>', "GET {T}/svg.gif?{M}"),
    mechanism(
        "svg-use",
        '<svg><use href="/sprite.svg?{M}#r"/></svg>',
        "GET {F}/sprite.svg?{M}",
        assets={"{F}/sprite.svg?{M}": Reply(200, (("Content-Type", "image/svg+xml"),), SVG)},
    ),
    mechanism(
        "css-properties",
        "<style>#a{mask-image:url({T}/mask.svg?{M});height:9px;background:red}"
        "#b{cursor:url({T}/cursor.gif?{M}),auto}#c{list-style-image:url({T}/list.gif?{M});display:list-item}"
        '#d{background:image-set("{T}/set.gif?{M}" 1x);height:9px}#e{border:9px solid;border-image:url({T}/border.gif?{M}) 9}'
        "#f::before{content:url({T}/content.gif?{M})}#g{float:left;shape-outside:url({T}/shape.gif?{M})}"
        "</style><i id=a></i><i id=b>b</i><i id=c>c</i><div id=d></div><div id=e>e</div><div id=f></div><i id=g>g</i>",
        "GET {T}/mask.svg?{M}",
        "GET {T}/list.gif?{M}",
        "GET {T}/set.gif?{M}",
        "GET {T}/border.gif?{M}",
        "GET {T}/content.gif?{M}",
        "GET {T}/shape.gif?{M}",
    ),
    mechanism("print-stylesheet", '<link rel=stylesheet media=print href="{T}/p.css?{M}">', "GET {T}/p.css?{M}"),
    mechanism("body-background", '<table background="{T}/table.gif?{M}"><td>x</table>', "GET {T}/table.gif?{M}"),
    mechanism(
        "base-href",
        Reply(200, (("Content-Type", "text/html"),), b'<base href="{T}/deep/"><img src="../rel.gif?{M}">'),
        "GET {T}/rel.gif?{M}",
    ),
    mechanism("third-party-icon", '<link rel=icon href="{T}/icon.gif?{M}"><link rel=manifest href="{T}/app.json?{M}">'),
    mechanism(
        "frameset",
        Reply(200, (("Content-Type", "text/html"),), b'<frameset cols="*"><frame src="{E}/frame.html?{M}"></frameset>'),
        "GET {E}/frame.html?{M}",
        "GET {T}/set.gif?{M}",
        assets={"{E}/frame.html?{M}": '<img src="{T}/set.gif?{M}">'},
    ),
    mechanism(
        "csp-blocked-image",
        '<img src="{T}/never.gif?{M}">',
        ("GET {T}/never.gif?{M}", b"", Seen.BLOCKED),
        headers=(("Content-Security-Policy", "img-src 'self'"),),
    ),
    mechanism(
        "csp-meta-blocked",
        Reply(
            200,
            (("Content-Type", "text/html"),),
            b"<!doctype html><title>x</title><meta http-equiv=Content-Security-Policy content=\"connect-src 'self'\">"
            b'<body><script>fetch("{T}/never?{M}").catch(() => 0)</script>',
        ),
        ("GET {T}/never?{M}", b"", Seen.BLOCKED),
    ),
    mechanism(
        "csp-report",
        '<img src="{T}/watched.gif?{M}">',
        "GET {T}/watched.gif?{M}",
        ("POST {A}/csp?{M}", None),
        headers=(("Content-Security-Policy-Report-Only", "img-src 'self'; report-uri {A}/csp?{M}"),),
    ),
    mechanism(
        "mixed-content",
        '<script src="http://t.tracker.test/mixed.js?{M}"></script>',
        ("GET http://t.tracker.test/mixed.js?{M}", b"", Seen.BLOCKED),
    ),
    mechanism("image-upgraded", '<img src="http://t.tracker.test/up.gif?{M}">', "GET {T}/up.gif?{M}"),
)
