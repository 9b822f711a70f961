"""Who sets cookies and storage keys: which script, as the debugger sees it call.

A breakpoint that never stops stands on the browser's own `document.cookie` and `setItem`, as a person's does who types
`monitor(f)` into the developer tools. Nothing of the page is replaced, so no script can tell: what the breakpoint calls
is a constant under a name that nobody can guess, and it speaks to us through the browser's own console.

To put a breakpoint there the browser walks through all that a renderer holds, twice for each. In a new one that is a
millisecond, in a used one it may be fifty. So only some visits listen: see `visit`.

Heard are a page's own scripts and those it loads. Frames have cookies and storage of their own, under their own names;
a key written as a property (`localStorage.key = …`) passes no function that could be listened to.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from string import Template
from urllib.parse import urldefrag

from scanner.browser.channel import Channel, ChannelError, Params
from scanner.urls import host_of

_WORD = "_" + secrets.token_hex(12)
_TIMEOUT_S = 3.0
_MOST = 300
"""Names heard of in one document."""
_LONGEST_NAME_CHARS = 300
_COOKIE, _LOCAL, _SESSION = "c", "l", "s"
_AREAS = {"local": _LOCAL, "session": _SESSION}
_BEFORE, _AFTER = f"Count for '{_WORD} ", "' does not exist"

# Only syntax and what the browser gave us before the page ran: a page may have put its own in place of the rest.
_LISTEN = Template("""const $word = (() => {
  if (self !== top) return () => {};
  const say = console.countReset, seen = {__proto__: null};
  let left = $most;
  const tell = (kind, text) => {
    let name = '';
    for (let i = 0; i < text.length && i < $longest; i++) {
      if (kind === '$cookie' && (text[i] === '=' || text[i] === ';')) break;
      name += text[i];
    }
    if (!seen[kind + name] && left-- > 0) { seen[kind + name] = true; say('$word ' + kind + name); }
  };
  return (first, storage) => {
    if (typeof first !== 'string' || left <= 0) return;
    if (!storage) return tell('$cookie', first);
    try {
      if (storage === localStorage) tell('$local', first);
      else if (storage === sessionStorage) tell('$session', first);
    } catch (e) {}
  };
})();
if (self === top) {
  debug(Object.getOwnPropertyDescriptor(Document.prototype, 'cookie').set, '$word(arguments[0])');
  debug(Storage.prototype.setItem, '$word(arguments[0], this)');
}""").substitute(word=_WORD, most=_MOST, longest=_LONGEST_NAME_CHARS, cookie=_COOKIE, local=_LOCAL, session=_SESSION)
"""To be run in every new document, with the command line's functions."""


@dataclass(slots=True)
class Setters:
    """What was heard in one visit: (kind, name) → the script that set it first, as a URL."""

    scripts: dict[tuple[str, str], str] = field(default_factory=dict)
    _listening: str | None = None

    async def listen(self, channel: Channel) -> None:
        """Listen to the documents that a page shows from now on; where the browser does not let us, to none."""
        script = {"source": _LISTEN, "includeCommandLineAPI": True}
        with contextlib.suppress(ChannelError):
            answer = await channel.call("Page.addScriptToEvaluateOnNewDocument", script, _TIMEOUT_S)
            self._listening = str(answer["identifier"])

    def stop(self, channel: Channel) -> None:
        """Leave the documents alone that come after this visit's."""
        if self._listening is not None:
            channel.tell("Page.removeScriptToEvaluateOnNewDocument", {"identifier": self._listening})
            self._listening = None

    def hear(self, called: Params) -> bool:
        """Take in one `Runtime.consoleAPICalled`. True: it was meant for us."""
        said = _said(called)
        if not (said.startswith(_BEFORE) and said.endswith(_AFTER)):
            return False
        what = said.removeprefix(_BEFORE).removesuffix(_AFTER)
        script = next(_scripts(called.get("stackTrace")), None)
        if what and script is not None:
            self.scripts.setdefault((what[0], what[1:].strip()), script)
        return True

    def of_cookie(self, name: str, domain: str, page_host: str, answers: Iterable[str] = ()) -> str | None:
        """Return who set a cookie of `domain`: the first of `answers` that may, else a script of the page.

        `answers`: URLs of the requests whose answers set a cookie of this name.
        """
        answer = next((url for url in answers if may_set(host_of(url), domain)), None)
        return answer or (self.scripts.get((_COOKIE, name)) if may_set(page_host, domain) else None)

    def of_storage(self, area: str, key: str) -> str | None:
        """Return the script that set a key (`local` or `session`) of the page's own origin."""
        return self.scripts.get((_AREAS[area], key))


def may_set(host: str, domain: str) -> bool:
    """Say whether a cookie of `domain` is one that `host` may set.

    >>> [may_set(host, ".clinic.example") for host in ("www.clinic.example", "clinic.example", "myclinic.example")]
    [True, True, False]
    """
    domain = domain.lstrip(".").lower()
    return host == domain or host.endswith("." + domain)


def _said(called: Params) -> str:
    arguments: list[Params] = called.get("args") or []
    first = arguments[0].get("value") if called.get("type") == "warning" and len(arguments) == 1 else None
    return first if isinstance(first, str) else ""


def _scripts(stack: Params | None) -> Iterator[str]:
    """Addresses of the scripts on a call stack, nearest first, and of what led there (a timer's, a promise's)."""
    while stack:
        for call in stack.get("callFrames") or ():
            url = urldefrag(str(call.get("url", ""))).url
            if url.startswith(("http:", "https:")) and host_of(url):
                yield url
        stack = stack.get("parent")
