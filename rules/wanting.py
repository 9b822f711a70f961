"""Which responses do the rules want to read? The recorder and the HAR reader are told, and ask the same questions."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from rules.container_literal import CONTAINER_SIGN
from rules.model import Condition, PageRule, Rule
from scanner.model import BodyWanted, Wanted
from scanner.urls import host_of

# --------------------------------------------------------------------------- telling


_START = re.compile(r"(?<![\[\\])\^")
_PATH_START = r"^(?:\w+://[^/?#]*)?"
_FLAGS = re.compile(r"\(\?([aimsux]+)\)")


def wanted_by(rules: Iterable[Rule], page_rules: Iterable[PageRule]) -> Wanted:
    """What the recorder must keep so that these rules can be judged later."""
    bodies = {
        BodyWanted(_recorder_host(host), _path_expression(condition))
        for rule in rules
        if rule.response_features or rule.keep_response
        for condition in rule.when
        for host in condition.hosts or ("*",)
        if _path_expression(condition)
    }
    signs = {condition.content[0] for rule in rules for condition in rule.when if condition.content}
    return Wanted(
        globals=tuple(sorted({name for rule in page_rules for name in rule.globals})),
        bodies=tuple(sorted(bodies, key=lambda b: (b.host, b.path))),
        headers=tuple(
            sorted({ref.header for rule in rules for ref in (*rule.account, *rule.event, *rule.dedup) if ref.header})
        ),
        script_signs=(CONTAINER_SIGN, *sorted(signs)),
    )


def _recorder_host(host: str) -> str:
    """The recorder knows exact hosts, `*.host` and `*` only: what is finer is decided when matching."""
    if host.startswith("."):
        return f"*{host}"
    if "<cc>" not in host and "*" in host.removeprefix("*."):
        # The part behind the star that every such host ends in: `*` would have every answer of every site kept.
        fixed = host[host.rindex("*") :].partition(".")[2]
        return f"*.{fixed}" if "." in fixed else "*"
    return host if "<cc>" not in host else "*"


def _path_expression(condition: Condition) -> str:
    parts = [f"^{re.escape(path.rstrip('/'))}/?(?:[?;]|$)" for path in sorted(condition.paths)]
    parts += [f"^{re.escape(path)}" for path in condition.path_prefixes]
    parts += [f"{re.escape(path)}/?(?:[?;]|$)" for path in condition.path_suffixes]
    if condition.path_pattern is not None:
        pattern = condition.path_pattern.pattern
        if flags := _FLAGS.match(pattern):  # stand at the start of a whole expression only, and this becomes a part
            pattern = f"(?{flags[1]}:{pattern[flags.end() :]})"
        parts.append(pattern.replace("$", r"(?:[?;]|$)") if pattern.endswith("$") else pattern)
    if not parts:
        parts += [
            rf"[?&]{re.escape(test.path)}={test.pattern.pattern.strip('^$') if test.pattern else ''}"
            for test in condition.params[:1]
            if not (test.absent or test.is_glob)
        ]
    if not parts and not condition.anywhere:
        parts.append(".")
    # The recorder searches the whole address, the HAR reader path and query: a path's start is found in both.
    return "|".join(f"(?:{_START.sub(lambda _: _PATH_START, part)})" for part in parts)


# --------------------------------------------------------------------------- asking


def wants(wanted: Wanted, url: str) -> bool:
    """Say whether the response of `url` should be kept. The recorder and the HAR reader ask the same question."""
    host = host_of(url)
    if not host:
        return False
    rest = url.partition("://")[2].partition("#")[0]
    target = rest[rest.find("/") :] if "/" in rest else "/"
    return any(_at_host(body, host) and _expression(body.path).search(target[:8192]) for body in wanted.bodies)


def shows_itself(wanted: Wanted, content: bytes) -> bool:
    """Say whether a script should be kept for what stands in it, wherever it came from."""
    return any(sign in content for sign in _signs(wanted.script_signs))


@lru_cache(maxsize=8)
def _signs(texts: tuple[str, ...]) -> tuple[bytes, ...]:
    return tuple(text.encode() for text in texts)


def _at_host(body: BodyWanted, host: str) -> bool:
    if body.host == "*":
        return True
    return host.endswith(body.host[1:]) if body.host.startswith("*.") else host == body.host


@lru_cache(maxsize=1024)
def _expression(text: str) -> re.Pattern[str]:
    return re.compile(text)
