"""A clinic's website that is never the same twice byte for byte, and that changes in one named way at a time.

Every answer is made with new randomness: cache busters, ids, nonces, orders, shards, build hashes, session ids in
links, batched or single beacons. Nothing of that is a change of the site; what `State` names is. The vendors' scripts
are stand-ins of our own that send what the real ones send.
"""

from __future__ import annotations

import hashlib
import json
import random
import string
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from tests.site.reply import GIF, MENU, Reply, redirect, typed
from tests.site.server import Received

ORIGIN = "https://www.clinic.test"
PATHS = ("/", "/about", "/services/knee", "/services/heart", "/doctors", "/appointments", "/blog/sleep", "/contact")
PAGES = tuple(sorted(ORIGIN + path for path in PATHS))
APPOINTMENTS = f"{ORIGIN}/appointments"
META, OTHER_META, PINTEREST, GA4, TIKTOK = (
    "123456789012345",
    "543210987654321",
    "2612000000001",
    "G-ABCDEF1234",
    "C4A1B2C3D4E5F6G7H8I9",
)
EVERYWHERE = frozenset(PATHS)


@dataclass(frozen=True, slots=True)
class State:
    """What the site is like; the default is the approved state."""

    tiktok: frozenset[str] = frozenset()
    """Paths that have the TikTok Pixel."""
    pinterest: frozenset[str] = EVERYWHERE
    meta_account: str = META
    lead: bool = False
    """The appointments page reports the event Lead to Meta."""
    email: bool = False
    """The Meta Pixel sends the visitor's hashed e-mail address, from the contact page."""
    newcomer: bool = False
    """A third party that nobody knows, on two pages."""
    widget_edition: int = 1
    """The code of the third-party widget."""
    collector: str = "/v1/events"
    """Where the widget reports to."""
    cookie: bool = False
    """The widget's host sets one more cookie."""
    policy: str | None = None
    """Content-Security-Policy of every page."""
    ends: tuple[tuple[str, str], ...] = ()
    """(path, `500` | `404` | `login`): what answers there instead of the page."""


class MovingSite:
    """Answers for the clinic and everybody it meets. Give `respond` to a `FixtureServer`; set `state` to change it."""

    def __init__(self, seed: int = 20260302) -> None:
        self.state = State()
        self._chance = random.Random(seed)
        self._lock = threading.Lock()

    # -- chance
    def _hex(self, length: int) -> str:
        return "".join(self._chance.choices("0123456789abcdef", k=length))

    def _token(self, length: int) -> str:
        return "".join(self._chance.choices(string.ascii_letters + string.digits, k=length))

    def _number(self) -> int:
        return self._chance.randrange(10**9, 10**10)

    def _shuffled(self, parts: list[str]) -> str:
        return "\n".join(self._chance.sample(parts, len(parts)))

    # -- answers
    def respond(self, request: Received) -> Reply | None:
        """Answer any request; None leaves it to the server's harmless defaults."""
        with self._lock:
            parts = urlsplit(request.url)
            host = parts.hostname or ""
            if host == "www.clinic.test":
                return self._clinic(parts.path)
            return self._others(host, parts.path)

    def _clinic(self, path: str) -> Reply | None:
        if path == "/robots.txt":
            return typed(path, f"User-agent: *\nDisallow: /private/\nSitemap: {ORIGIN}/sitemap.xml\n")
        if path == "/sitemap.xml":
            urls = "".join(f"<url><loc>{ORIGIN}{p}</loc></url>" for p in self._chance.sample(PATHS[:5], 5))
            space = "http://www.sitemaps.org/schemas/sitemap/0.9"
            return typed(path, f'<?xml version="1.0"?><urlset xmlns="{space}">{urls}</urlset>')
        if path == "/login":
            return MENU["login"]
        end = dict(self.state.ends).get(path)
        if end is not None:
            return redirect(f"/login?next={path}") if end == "login" else MENU[end]
        if path in PATHS:
            reply = typed("/", self._page(path))
            policy = self.state.policy
            return reply.with_headers(("Content-Security-Policy", policy)) if policy else reply
        if path.startswith("/assets/"):
            return typed(path, f"/* {self._hex(40)} */ window.app = 1;" if path.endswith(".js") else "")
        return None

    def _page(self, path: str) -> str:
        state = self.state
        tags = [self._meta(path), self._ga4(), self._widget()]
        if path in state.pinterest:
            tags.append(self._pinterest())
        if path in state.tiktok:
            tags.append(self._tiktok())
        if state.newcomer and path in ("/", "/about"):
            tags.append(f'<img src="https://px.newcomer.test/p.gif?{self._token(8)}={self._number()}" alt="">')
        links = [f'<li><a class="{self._token(6)}" href="{self._link(p)}">{p}</a>' for p in PATHS]
        return (
            f'<!doctype html><html lang="en"><head><title>The clinic: {path}</title>'
            f'<link rel="stylesheet" href="/assets/site.{self._hex(8)}.css">'
            f'<script nonce="{self._token(22)}" src="/assets/app.{self._hex(8)}.js"></script>'
            f'{self._shuffled(tags)}</head><body id="b{self._hex(12)}" data-request="{self._uuid()}">'
            f"<h1>The clinic</h1><ul>{self._shuffled(links)}</ul>"
            f'<img src="https://t{self._chance.randrange(1, 9)}.stranger.test/i.gif?'
            + "&".join(self._chance.sample([f"r={self._number()}", f"u={self._uuid()}", "v=2"], 3))
            + f'" alt=""><iframe title="x" src="https://frames.other.test/embed/{self._uuid()}"></iframe>'
            "</body></html>"
        )

    def _link(self, path: str) -> str:
        return path + self._chance.choice(
            [
                "",
                f"?utm_source=s{self._hex(4)}&fbclid={self._token(20)}",
                f"?PHPSESSID={self._hex(26)}",
                f";jsessionid={self._hex(32).upper()}",
                f"#part-{self._number()}",
            ]
        )

    def _uuid(self) -> str:
        digits = self._hex(32)
        return "-".join((digits[:8], digits[8:12], "4" + digits[13:16], "a" + digits[17:20], digits[20:]))

    # -- the tags' snippets, and the scripts they load
    def _meta(self, path: str) -> str:
        state = self.state
        calls = [f"fbq('init', '{state.meta_account}')", "fbq('track', 'PageView')"]
        if state.lead and path == "/appointments":
            calls.append("fbq('track', 'Lead')")
        if state.email and path == "/contact":
            visitor = hashlib.sha256(f"visitor{self._number()}@example.com".encode()).hexdigest()
            calls[0] = f"fbq('init', '{state.meta_account}', {{em: '{visitor}'}})"
        return (
            f'<script nonce="{self._token(22)}">'
            "window.fbq = function () { fbq.queue.push([].slice.call(arguments)) };"
            "fbq.queue = []; var s = document.createElement('script'); s.async = true;"
            f"s.src = 'https://connect.facebook.net/en_US/fbevents.js'; document.head.append(s); {'; '.join(calls)}"
            "</script>"
        )

    def _ga4(self) -> str:
        return (
            f'<script async src="https://www.googletagmanager.com/gtag/js?id={GA4}"></script>'
            f"<script>window.dataLayer = [['config', '{GA4}', {{batch: {self._chance.choice(['true', 'false'])}}}]]"
            "</script>"
        )

    def _pinterest(self) -> str:
        return (
            "<script>window.pintrk = function () { pintrk.queue.push([].slice.call(arguments)) }; pintrk.queue = [];"
            "var p = document.createElement('script'); p.src = 'https://s.pinimg.com/ct/core.js'; p.async = true;"
            f"document.head.append(p); pintrk('load', '{PINTEREST}'); pintrk('page')</script>"
            f'<noscript><img src="https://ct.pinterest.com/v3/?tid={PINTEREST}&amp;noscript=1" alt=""></noscript>'
        )

    def _tiktok(self) -> str:
        return (
            "<script>var t = document.createElement('script'); t.async = true;"
            f"t.src = 'https://analytics.tiktok.com/i18n/pixel/events.js?sdkid={TIKTOK}&lib=ttq';"
            "document.head.append(t)</script>"
        )

    def _widget(self) -> str:
        address = f"https://cdn.widgets.test/w/widget.{self._hex(8)}.js?cb={self._number()}"
        return f'<script defer src="{address}" data-collector="{self.state.collector}"></script>'

    def _others(self, host: str, path: str) -> Reply | None:
        match host, path:
            case "connect.facebook.net", "/en_US/fbevents.js":
                return typed(path, _FBEVENTS)
            case "connect.facebook.net", _ if path.startswith("/signals/config/"):
                return typed("/x.js", f"/* {self._uuid()} */ window.configured = 1;")
            case "www.googletagmanager.com", "/gtag/js":
                return typed("/x.js", _GTAG)
            case "s.pinimg.com", "/ct/core.js":
                return typed(path, _CORE.replace("BUILD", self._hex(8)))
            case "s.pinimg.com", _:
                return typed("/x.js", _PINTEREST)
            case "analytics.tiktok.com", "/i18n/pixel/events.js":
                return typed(path, _TIKTOK)
            case "cdn.widgets.test", _:
                settings = {"visit": self._uuid(), "at": 1_700_000_000_000}
                code = _WIDGET.replace("SETTINGS", json.dumps(settings))
                return typed("/x.js", code + (f"\nwindow.widgetEdition = {self.state.widget_edition};"))
            case ("in.widgets.test", _) | (_, "/i.gif"):
                return self._with_cookies(host)
            case "frames.other.test", _:
                return typed("/", f'<!doctype html><title>{self._token(9)}</title><p id="{self._token(9)}">A map.')
            case _ if path.endswith((".gif", "/tr/", "/v3/")):
                return Reply(200, (("Content-Type", "image/gif"),), GIF)
            case _:
                return None

    def _with_cookies(self, host: str) -> Reply:
        attributes = "Path=/; Secure; SameSite=None; Max-Age=86400; Partitioned"
        reply = Reply(200, (("Content-Type", "image/gif"),), GIF)
        if host == "in.widgets.test":
            reply = reply.with_headers(("Set-Cookie", f"wid_{self._hex(16)}={self._token(20)}; {attributes}"))
            if self.state.cookie:
                reply = reply.with_headers(("Set-Cookie", f"partner_id={self._token(20)}; {attributes}"))
        return reply


_FBEVENTS = """
(() => {
  const shuffled = list => list.map(x => [Math.random(), x]).sort((a, b) => a[0] - b[0]).map(x => x[1]);
  let account, person = {};
  const handle = ([command, name, more]) => {
    if (command === 'init') {
      account = name; person = more || {};
      const s = document.createElement('script');
      s.src = `https://connect.facebook.net/signals/config/${name}?v=2.9.${Math.floor(Math.random() * 300)}&r=stable`;
      document.head.append(s);
      return;
    }
    const fields = {
      id: account, ev: name, dl: location.href, rl: document.referrer, if: 'false', ts: Date.now(), sw: 1280, sh: 720,
      v: '2.9.176', r: 'stable', ec: 0, o: 4126, fbp: `fb.1.${Date.now()}.${Math.floor(Math.random() * 1e9)}`,
      it: Date.now(), coo: 'false', rqm: 'GET',
    };
    for (const key of Object.keys(person)) fields[`ud[${key}]`] = person[key];
    const query = new URLSearchParams(shuffled(Object.entries(fields)));
    new Image().src = 'https://www.facebook.com/tr/?' + query;
  };
  fbq.queue.forEach(handle);
  fbq.queue = {push: handle};
})();
"""
_GTAG = """
(() => {
  const [, account, options] = dataLayer[0];
  const number = () => Math.floor(Math.random() * 2 ** 31);
  const region = [1, 2, 5][Math.floor(Math.random() * 3)];
  const base = {v: 2, tid: account, gtm: '45je4', _p: number(), cid: `${number()}.${number()}`, ul: 'en-us',
                sr: '1280x720', _s: 1, sid: number(), dl: location.href, dt: document.title};
  const send = (query, body) => navigator.sendBeacon(
    `https://region${region}.google-analytics.com/g/collect?` + new URLSearchParams(query), body);
  setTimeout(() => {
    if (options.batch) send(base, 'en=page_view\\r\\nen=user_engagement&_et=' + number());
    else { send({...base, en: 'page_view'}); send({...base, en: 'user_engagement', _et: number()}); }
  }, 1500 * Math.random());
})();
"""
_CORE = """
(() => { const s = document.createElement('script'); s.src = 'https://s.pinimg.com/ct/lib/main.BUILD.js';
         document.head.append(s); })();
"""
_PINTEREST = """
(() => {
  let account;
  const handle = ([command, name]) => {
    if (command === 'load') { account = name; return; }
    const id = btoa('uid=' + crypto.randomUUID());
    const query = new URLSearchParams({
      event: 'pagevisit', tid: account, pd: JSON.stringify({np: 'gtm', pin_unauth: id}),
      ad: JSON.stringify({loc: location.href, ref: document.referrer, if: false, sh: 720, sw: 1280}),
      dep: '2,PAGE_LOAD', cb: Date.now(),
    });
    new Image().src = 'https://ct.pinterest.com/v3/?' + query;
  };
  pintrk.queue.forEach(handle);
})();
"""
_TIKTOK = """
(() => {
  const account = new URL(document.currentScript.src).searchParams.get('sdkid');
  fetch('https://analytics.tiktok.com/api/v2/pixel', {method: 'POST', mode: 'no-cors', keepalive: true, body:
    JSON.stringify({event: 'Pageview', visit: crypto.randomUUID(), timestamp: new Date().toISOString(),
                    context: {pixel: {code: account}, page: {url: location.href, referrer: document.referrer}}})});
})();
"""
_WIDGET = """
(() => {
  const settings = SETTINGS;
  const path = document.currentScript.dataset.collector;
  const address = 'https://in.widgets.test' + path + '?n=' + Math.random();
  const body = JSON.stringify({seen: settings.visit, at: Date.now()});
  fetch(address, {method: 'POST', credentials: 'include', body});
})();
"""
