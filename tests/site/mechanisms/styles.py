# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms of style sheets and vector graphics that load, or tell by loading what the visitor does."""

from __future__ import annotations

from tests.site.mechanisms.base import mechanism, script
from tests.site.reply import Reply

STYLES = (
    mechanism(
        "css-of-states",
        "<style>#t:target{background:url({T}/target.gif?{M})}input[value^=a]{background:url({T}/value.gif?{M})}"
        "input:checked+i{background:url({T}/checked.gif?{M})}a:link{background:url({T}/link.gif?{M})}"
        "body:has(input[value^=a]) b{background:url({T}/has.gif?{M})}:root:lang(en) u{background:url({T}/lang.gif?{M})}"
        "i,b,u,a{display:inline-block;width:9px;height:9px}</style>"
        "<p id=t>x<input value=abc><input type=checkbox checked><i></i><b></b><u></u><a href=/x>x</a>"
        + script("location.hash = 't'"),
        *(f"GET {{T}}/{name}.gif?{{M}}" for name in ("target", "value", "checked", "link", "has", "lang")),
    ),
    mechanism(
        "css-of-queries",
        "<style>@media (min-width:100px){#a{background:url({T}/wide.gif?{M})}}@media (prefers-color-scheme:light){#b{background:url({T}/light.gif?{M})}}"
        "@supports (display:grid){#c{background:url({T}/grid.gif?{M})}}#o{container-type:inline-size}@container (min-width:50px){#d{background:url({T}/box.gif?{M})}}"
        "@layer x{#e{background:url({T}/layer.gif?{M})}}@media (hover:hover){#g{background:url({T}/hover.gif?{M})}}"
        "#a,#b,#c,#d,#e,#g{height:9px}</style><div id=a></div><div id=b></div><div id=c></div><div id=o><div id=d></div></div><div id=e></div><div id=g></div>",
        *(f"GET {{T}}/{name}.gif?{{M}}" for name in ("wide", "light", "grid", "box", "layer", "hover")),
    ),
    mechanism(
        "css-variables-and-animations",
        "<style>:root{--u:url({T}/var.gif?{M})}#a{background:var(--u)}@keyframes k{to{background:url({T}/key.gif?{M})}}#b{animation:k 2s forwards}"
        "@property --p{syntax:'<image>';inherits:false;initial-value:none}#c{--p:url({T}/prop.gif?{M});background:var(--p)}"
        "@starting-style{#d{background:url({T}/start.gif?{M})}}#d{transition:background 1s}"
        "#e::marker{content:url({T}/marker.gif?{M})}#f{background:-webkit-cross-fade(url({T}/cross.gif?{M}),url({T}/cross2.gif?{M}),50%)}#g{mask:url({T}/m.svg?{M})}#h{offset-path:url({T}/path.svg?{M}#p)}"
        "div{height:9px}</style><div id=a></div><div id=b></div><div id=c></div><div id=d></div><ul><li id=e>x</ul><div id=f></div><div id=g></div><div id=h></div>",
        *(f"GET {{T}}/{name}.gif?{{M}}" for name in ("var", "key", "prop", "marker", "cross")),
    ),
    mechanism(
        "css-by-script",
        "<p id=p>x"
        + script(
            "const s = new CSSStyleSheet(); s.replaceSync('p{background:url({T}/constructed.gif?{M})}'); document.adoptedStyleSheets = [s];"
            "p.style.borderImage = 'url({T}/inline.gif?{M}) 9'; p.style.border = '1px solid'; p.attributeStyleMap.set('list-style-image', 'url({T}/typed.gif?{M})'); p.style.display = 'list-item';"
            "document.head.append(Object.assign(document.createElement('style'), {textContent: 'p::after{content:url({T}/tag.gif?{M})}'}));"
            "document.styleSheets[0].insertRule('p::before{content:url({T}/rule.gif?{M})}')"
        ),
        *(f"GET {{T}}/{name}.gif?{{M}}" for name in ("constructed", "typed", "tag", "rule")),
    ),
    mechanism(
        "font-ranges",
        "<style>@font-face{font-family:f;src:url({T}/latin.woff2?{M});unicode-range:U+0-7F}@font-face{font-family:f;src:url({T}/cyr.woff2?{M});unicode-range:U+400-4FF}"
        "@font-face{font-family:g;src:local(nope),url({T}/late.woff2?{M}) format('woff2');font-display:swap}p{font-family:f}i{font-family:g}</style><p>text Ж<i>x</i>",
        "GET {T}/latin.woff2?{M}",
        "GET {T}/cyr.woff2?{M}",
        "GET {T}/late.woff2?{M}",
    ),
    mechanism(
        "svg-parts",
        "<svg width=90 height=90><filter id=f><feImage href='{T}/fe.gif?{M}'/></filter><rect width=9 height=9 filter='url(#f)'/>"
        "<foreignObject width=50 height=50><img src='{T}/foreign.gif?{M}'></foreignObject><pattern id=p width=9 height=9><image href='{T}/pattern.gif?{M}' width=9 height=9 /></pattern><rect fill='url(#p)' width=9 height=9 />"
        "<image xlink:href='{T}/xlink.gif?{M}' width=9 height=9 /><script href='{T}/svg.js?{M}'></script><style>@import url({T}/svg.css?{M});</style>"
        "<image id=an href='{T}/anim0.gif?{M}' width=9 height=9><set attributeName=href to='{T}/anim1.gif?{M}' begin='1s'/></image></svg>",
        *(
            f"GET {{T}}/{name}?{{M}}"
            for name in ("fe.gif", "foreign.gif", "pattern.gif", "xlink.gif", "svg.js", "svg.css", "anim0.gif")
        ),
    ),
    mechanism(
        "svg-external-paint",
        "<svg><use href='{T}/defs.svg?{M}#r'/><rect fill='url({T}/paint.svg?{M}#p)' width=9 height=9 /><rect filter='url({F}/filter.svg?{M}#f)' width=9 height=9 /></svg><i style='filter:url({F}/css-filter.svg?{M}#f);clip-path:url({F}/clip.svg?{M}#c);mask-image:url({T}/css-mask.svg?{M}#m)'>x</i>",
        "GET {T}/css-mask.svg?{M}",
    ),
    mechanism(
        "content-visibility",
        "<div style='height:5000px'></div><div style='content-visibility:auto'><div style='background:url({T}/auto.gif?{M});height:9px'></div><img src='{T}/in-auto.gif?{M}'></div><div style='content-visibility:hidden'><img src='{T}/hidden.gif?{M}'></div><div hidden><img src='{T}/none.gif?{M}'></div>",
        "GET {T}/in-auto.gif?{M}",
        "GET {T}/hidden.gif?{M}",
        "GET {T}/none.gif?{M}",
        "GET {T}/auto.gif?{M}",
    ),
    mechanism(
        "css-module-and-json",
        "<script type=module>import sheet from '{T}/m.css?{M}' with {type: 'css'}; import data from '{T}/m.json?{M}' with {type: 'json'}; document.adoptedStyleSheets = [sheet]; navigator.sendBeacon('{T}/b?{M}', data.id)</script><p>x",
        "GET {T}/m.css?{M}",
        "GET {T}/m.json?{M}",
        ("POST {T}/b?{M}", b"visitor7"),
        assets={"{T}/m.css?{M}": "p{color:red}", "{T}/m.json?{M}": '{"id":"visitor7"}'},
    ),
    mechanism(
        "links-of-every-kind",
        "".join(
            f'<link {attrs} href="{{T}}/{name}?{{M}}">'
            for name, attrs in (
                ("dict", "rel=compression-dictionary"),
                ("touch.gif", "rel=apple-touch-icon"),
                ("alt.css", 'rel="alternate stylesheet" title=x'),
                ("dis.css", "rel=stylesheet disabled"),
                ("mod.css", "rel=modulepreload as=style"),
                ("pre.json", "rel=preload as=fetch crossorigin"),
                ("pre.woff2", "rel=preload as=font crossorigin"),
                ("pre.gif", "rel=preload as=image"),
                ("pre.vtt", "rel=preload as=track crossorigin"),
                ("doc.html", "rel=prefetch as=document"),
                ("pr.html", "rel=prerender"),
                ("manifest.json", "rel=manifest crossorigin=use-credentials"),
                ("search.xml", "rel=search type=application/opensearchdescription+xml"),
                ("mon", "rel=monetization"),
            )
        ),
        "GET {T}/alt.css?{M}",
        "GET {T}/pre.json?{M}",
        "GET {T}/pre.woff2?{M}",
        "GET {T}/pre.gif?{M}",
        "GET {T}/doc.html?{M}",
    ),
    mechanism(
        "icon-changed-by-script",
        "<link id=l rel=icon href='/favicon.ico'>"
        + script(
            "setTimeout(() => l.href = '{T}/icon2.gif?{M}', 500); setTimeout(() => { const n = document.createElement('link'); n.rel = 'shortcut icon'; n.href = '{A}/icon3.gif?{M}'; document.head.append(n) }, 900)"
        ),
        "GET {A}/icon3.gif?{M}",
    ),
    mechanism(
        "link-headers-of-parts",
        '<img src="{T}/i.gif?{M}"><link rel=stylesheet href="{T}/l.css?{M}"><iframe src="{E}/f.html?{M}"></iframe>'
        + script("fetch('{T}/f.json?{M}')"),
        "GET {A}/frame.js?{M}",
        assets={
            "{T}/i.gif?{M}": Reply(
                200, (("Content-Type", "image/gif"), ("Link", "<{A}/img.gif?{M}>; rel=prefetch")), b""
            ),
            "{T}/l.css?{M}": Reply(
                200,
                (
                    ("Content-Type", "text/css"),
                    ("Link", "<{A}/css.js?{M}>; rel=preload; as=script, <{A}/mod.js?{M}>; rel=modulepreload"),
                ),
                b"p{color:red}",
            ),
            "{T}/f.json?{M}": Reply(
                200, (("Content-Type", "text/plain"), ("Link", "<{A}/fetch.js?{M}>; rel=preload; as=script")), b"x"
            ),
            "{E}/f.html?{M}": Reply(
                200,
                (
                    ("Content-Type", "text/html"),
                    ("Link", "<{A}/frame.js?{M}>; rel=preload; as=script, <{A}/frame2.js?{M}>; rel=prefetch"),
                ),
                b"<p>x",
            ),
        },
    ),
)
