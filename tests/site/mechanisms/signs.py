# ruff: noqa: E501  (pages are data and read better unbroken)
"""Mechanisms that wait for signs of a person: inputs that only people make, and browsers that only people have."""

from __future__ import annotations

from tests.site.mechanisms.base import Mechanism, mechanism, script

SEND = 'navigator.sendBeacon("{T}/b?{M}", "at={NAME}")'
TALL = "<div style='height:9000px'>scroll on</div>"


def _on(name: str, code: str, html: str = "") -> Mechanism:
    return mechanism(name, html + script(code.replace("SEND", SEND)), ("POST {T}/b?{M}", f"at={name}".encode()))


def _each(name: str, kinds: tuple[str, ...], target: str, check: str = "true", html: str = "") -> Mechanism:
    """A page that sends one pixel for the first event of each kind."""
    code = (
        f"for (const k of {list(kinds)}) {target}.addEventListener(k, e => {{ if (({check}) && !window['s' + k]) {{ window['s' + k] = 1;"
        " new Image().src = '{T}/' + k + '.gif?{M}' } }, true)"
    )
    return mechanism(name, html + script(code), *(f"GET {{T}}/{kind}.gif?{{M}}" for kind in kinds))


SIGNS = (
    _each(
        "trusted-mouse",
        (
            "mousemove",
            "mouseover",
            "mousedown",
            "mouseup",
            "click",
            "wheel",
            "pointermove",
            "pointerdown",
            "pointerup",
            "pointerover",
            "mouseenter",
        ),
        "document",
        "e.isTrusted",
    ),
    _each(
        "moving-twice",
        ("mousemove",),
        "document",
        "(window.n = (window.n || 0) + 1) > 1 && (e.movementX || e.movementY)",
    ),
    _each("leaving-freeze", ("freeze",), "document"),
    mechanism(
        "exit-intent",
        script(
            "const told = {}, tell = name => told[name] || (told[name] = 1, new Image().src = '{T}/' + name + '.gif?{M}');"
            "document.addEventListener('mouseleave', e => e.clientY <= 0 && tell('document'));"
            "document.documentElement.addEventListener('mouseleave', e => e.clientY < 10 && tell('root'));"
            "document.addEventListener('mouseout', e => !e.relatedTarget && e.clientY < 20 && tell('out'))"
        ),
        *(f"GET {{T}}/{name}.gif?{{M}}" for name in ("document", "root", "out")),
    ),
    _on(
        "human-browser",
        "const odd = []; const must = (name, ok) => ok || odd.push(name);"
        "must('webdriver', navigator.webdriver === false); must('plugins', navigator.plugins.length > 0); must('chrome', typeof chrome === 'object');"
        "must('languages', navigator.languages.length > 0); must('headless', !/Headless/.test(navigator.userAgent)); must('hasFocus', document.hasFocus());"
        "must('visible', document.visibilityState === 'visible'); must('screen', screen.width >= outerWidth);"
        "must('window', outerWidth >= innerWidth && outerHeight >= innerHeight); must('mime', navigator.mimeTypes.length > 0);"
        "must('globals', !Object.getOwnPropertyNames(window).some(k => /playwright|^__pw|cdc_|selenium|puppeteer|phantom/i.test(k)));"
        "must('own', !Object.getOwnPropertyNames(navigator).length && !Object.getOwnPropertyNames(document).some(k => /visib|hidden|playwright/.test(k)));"
        "must('native', /native code/.test(Function.prototype.toString.call(navigator.sendBeacon)) && /native code/.test(fetch.toString()));"
        "must('connection', !navigator.connection || navigator.connection.rtt !== undefined); must('uad', !navigator.userAgentData || navigator.userAgentData.brands.length > 0 && !JSON.stringify(navigator.userAgentData.brands).includes('Headless'));"
        "navigator.permissions.query({name: 'notifications'}).then(p => { must('permission', !(Notification.permission === 'denied' && p.state === 'prompt'));"
        "if (odd.length) fetch('{T}/odd?{M}&odd=' + odd); else SEND })",
    ),
    _on(
        "untampered-browser",
        "const odd = []; const native = (name, f) => { if (f && !/\\[native code\\]/.test(Function.prototype.toString.call(f))) odd.push(name) };"
        "native('sw', self.ServiceWorkerContainer && ServiceWorkerContainer.prototype.register); native('fetch', fetch); native('open', XMLHttpRequest.prototype.open); native('toString', Function.prototype.toString);"
        "native('addEventListener', EventTarget.prototype.addEventListener); native('attachShadow', Element.prototype.attachShadow); native('rtc', self.RTCPeerConnection); native('getter', Object.getOwnPropertyDescriptor(Navigator.prototype, 'userAgent').get);"
        "let read = 0; const e = new Error(); Object.defineProperty(e, 'stack', {get() { read = 1; return '' }}); console.debug(e); if (read) odd.push('console');"
        "if (odd.length) fetch('{T}/odd?{M}&odd=' + odd); else SEND",
    ),
    _on(
        "infinite-scroll",
        "let n = 0; addEventListener('scroll', () => { if (scrollY + innerHeight > document.body.scrollHeight - 200 && n < 5) { n++; document.body.append(Object.assign(document.createElement('div'), {style: 'height:1500px'})); if (n === 4) SEND } })",
        "<div style='height:1600px'>x</div>",
    ),
    _on(
        "scroll-in-a-box",
        "new IntersectionObserver(all => all.some(e => e.isIntersecting) && (window.s || (s = 1, SEND)), {root: box}).observe(end)",
        "<div id=box style='height:300px;overflow:auto'><div style='height:3000px'>x</div><i id=end>end</i></div>"
        + TALL,
    ),
    _on(
        "scroll-in-app-shell",
        "new IntersectionObserver(all => all.some(e => e.isIntersecting) && (window.s || (s = 1, SEND))).observe(end)",
        "<style>html,body{height:100%;margin:0;overflow:hidden}</style><main style='height:100vh;overflow-y:scroll'><div style='height:6000px'>x</div><i id=end>end</i></main>",
    ),
    _on(
        "user-activation",
        "const i = setInterval(() => { if (navigator.userActivation.hasBeenActive) { clearInterval(i); SEND } }, 200)",
    ),
    _on(
        "resize-observer",
        "setTimeout(() => { const d = document.createElement('p'); d.textContent = 'x'; document.body.append(d); new ResizeObserver(() => window.s || (s = 1, SEND)).observe(d) }, 6000)",
    ),
    _on(
        "late-element-comes-into-view",
        "setTimeout(() => { const d = document.createElement('p'); d.textContent = 'x'; document.body.append(d); new IntersectionObserver(all => all.some(e => e.isIntersecting) && (window.s || (s = 1, SEND))).observe(d) }, 12000)",
    ),
    mechanism(
        "late-lazy-frame",
        script(
            "setTimeout(() => { document.body.insertAdjacentHTML('afterbegin', '<iframe loading=lazy src=\"{E}/f.html?{M}\"></iframe><img loading=lazy src=\"{T}/late.gif?{M}\">') }, 9000)"
        ),
        "GET {E}/f.html?{M}",
        "GET {T}/late.gif?{M}",
        "GET {A}/in.gif?{M}",
        assets={"{E}/f.html?{M}": '<img src="{A}/in.gif?{M}">'},
    ),
    _on(
        "late-animation-frames",
        "setTimeout(() => { let n = 0; const f = () => ++n < 12 ? requestAnimationFrame(f) : SEND; f() }, 10000)",
    ),
)
