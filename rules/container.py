"""Container X-ray: what a tag-manager container would do on pages nobody has visited yet.

`read_container` parses the script Google serves as gtm.js, gtag/js or gtag/destination, also minified, renamed
or cut off. `compare_containers` says tag by tag what a new version changed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from typing import Final
from urllib.parse import parse_qs, urlsplit

from rules.container_changes import compare_containers
from rules.container_features import features_of, is_setting
from rules.container_literal import ContainerSource, JsValue, find_resource
from rules.container_model import (
    ChangeKind,
    Container,
    ContainerChange,
    ContainerFeature,
    ContainerTag,
    TagRole,
)
from rules.container_triggers import Triggers
from rules.container_vendors import BY_FUNCTION, LISTENERS, hosts_in, maker_of_hosts, trace_code
from rules.container_words import Variables, clean, list_items, map_items, str_of

__all__ = [
    "ChangeKind",
    "Container",
    "ContainerChange",
    "ContainerFeature",
    "ContainerTag",
    "TagRole",
    "compare_containers",
    "read_container",
]

MAX_TAGS: Final = 3_000
"""Google stops at far fewer; a container with more is read up to here and called incomplete."""
MAX_HTML_CHARS: Final = 64 * 1024
MAX_HTML_TOTAL_CHARS: Final = 600_000
MAX_DETAIL_CHARS: Final = 240
MAX_DETAILS: Final = 40

_ID: Final = re.compile(r"^(?:GTM|GT|G|AW|DC|MC|UA|HA|OPT|CMP|FL)-[A-Z0-9][A-Z0-9-]{2,20}$")
_CODE_ID: Final = re.compile(r"""\b(?:ctid|containerId)["']?\s{0,9}+:\s{0,9}+["']([A-Z]{1,3}-[A-Z0-9]{3,14})["']""")
_ACCOUNT_KEYS: Final = (
    "vtp_tagId", "vtp_measurementId", "vtp_measurementIdOverride", "vtp_trackingId", "vtp_instanceDestinationId",
    "vtp_pixelId", "vtp_pixel_id", "vtp_pixelCode", "vtp_pixel_code", "vtp_pixelID", "vtp_partnerId",
    "vtp_partner_id", "vtp_advertiserId", "vtp_advertiser_id", "vtp_adv_id", "vtp_accountId", "vtp_account_id",
    "vtp_twitter_pixel_id", "vtp_siteId", "vtp_site_id", "vtp_hotjar_site_id", "vtp_projectId", "vtp_projectKey",
    "vtp_apiKey", "vtp_id", "vtp_tag_id", "vtp_conversionId",
)  # fmt: skip
_EVENT_KEYS: Final = (
    "vtp_eventName", "vtp_event_name", "vtp_event", "vtp_standardEventName", "vtp_eventType", "vtp_event_type",
    "vtp_customEventName", "vtp_trackType", "vtp_conversionLabel",
)  # fmt: skip
_EVENT_PAIRS: Final = (("vtp_eventCategory", "vtp_eventAction"), ("vtp_groupTag", "vtp_activityTag"))
_HOUSEKEEPING: Final = frozenset({"function", "tag_id", "metadata", "vtp_html", "vtp_uniqueTriggerId", "priority"})
_HOST_KEYS: Final = ("vtp_transportUrl", "vtp_serverContainerUrl", "vtp_transport_url", "vtp_server_container_url")


def read_container(js: str | bytes, url: str | None = None) -> Container | None:
    """Read the container in a script; None if the script holds none. Never raises, whatever the text.

    `url` is where the script came from: its `id` parameter names the container when the code does not.
    A megabyte takes well below a second. `Container.complete` is False for scripts that break off.
    """
    text = js.decode("utf-8", "replace") if isinstance(js, bytes) else js
    source = find_resource(text)
    if source is None:
        return None
    return _Reader(source).read(_container_id(text, source, url))


def _container_id(text: str, source: ContainerSource, url: str | None) -> str | None:
    if url:
        try:
            query = parse_qs(urlsplit(url).query, max_num_fields=50)
        except ValueError:
            query = {}
        named = query.get("id", [""])[0].upper()
        if _ID.match(named):
            return named
    for start, end in ((source.end, len(text)), (0, source.start)):
        match = _CODE_ID.search(text, start, end)
        if match:
            return match[1]
    destinations = {
        str(tag.get("vtp_trackingId")) for tag in _dicts(source.resource.get("tags")) if tag.get("function") == "__gct"
    }
    named = next(iter(sorted(destinations)), "")
    return named if _ID.match(named) else None


class _Reader:
    """Turns the raw parts of one container into values."""

    def __init__(self, source: ContainerSource) -> None:
        resource = source.resource
        self._source = source
        self._variables = Variables(resource.get("macros"))
        self._listed = _dicts(resource.get("tags"))
        self._tags = self._listed[:MAX_TAGS]
        self._triggers = Triggers(
            resource.get("predicates"),
            resource.get("rules"),
            self._variables,
            _listener_words(self._tags, self._variables),
        )
        self._template_hosts = _template_hosts(source.siblings)
        self._html_left = MAX_HTML_TOTAL_CHARS
        self._steps = _setup_steps(self._tags)

    def read(self, container_id: str | None) -> Container:
        features: set[ContainerFeature] = set()
        tags: list[ContainerTag] = []
        hosts: set[str] = set()
        for index, raw in enumerate(self._tags):
            if not str_of(raw.get("function")):
                continue
            tag = self._tag(index, raw)
            tags.append(tag)
            hosts.update(tag.hosts)
            if not tag.paused:
                features.update(features_of(tag.function, raw, tag.account or container_id, self._variables))
        for used in self._template_hosts.values():
            hosts.update(used)
        for macro in islice(self._variables, 3_000):
            if macro.get("function") == "__jsm":
                hosts.update(hosts_in(self._variables.text(macro.get("vtp_javascript"), 20_000)))
        version = str_of(self._source.resource.get("version")) or self._blob_version()
        return Container(
            id=container_id,
            version=clean(version, 40) or None,
            tags=tuple(tags),
            features=tuple(
                sorted(features, key=lambda each: (each.name, each.account or "", each.detail or "", each.on))
            ),
            hosts=tuple(sorted(hosts)),
            complete=self._source.complete and len(self._listed) <= MAX_TAGS and self._html_left > 0,
        )

    def _blob_version(self) -> str:
        blob = self._source.siblings.get("blob")
        return str_of(blob.get("1")) if isinstance(blob, dict) else ""

    def _tag(self, index: int, raw: Mapping[str, JsValue]) -> ContainerTag:
        function = clean(str_of(raw.get("function")), 80)
        paused = function == "__paused"
        if paused:
            original = clean(str_of(raw.get("vtp_originalTagType")), 80)
            function = f"__{original.strip('_')}" if original else function
        role = TagRole.LISTENER if function in LISTENERS else TagRole.SETTING if is_setting(function) else TagRole.TAG
        # Google leaves a paused tag's code out; exports and older containers hold it, and with it whose tag it is.
        html = self._html(raw) if function == "__html" and (not paused or "vtp_html" in raw) else None
        code = (
            html
            if html is not None
            else self._variables.text(raw.get("vtp_url"), 1_000)
            if function == "__img"
            else None
        )
        hosts = set(self._template_hosts.get(function, ()))
        if html:
            hosts |= hosts_in(html)
        for key in ("vtp_url", "vtp_customUrl", *_HOST_KEYS):
            if isinstance(raw.get(key), (str, list)):
                hosts |= _hosts_of_setting(self._variables.text(raw[key], 500))
        maker = BY_FUNCTION.get(function)
        account = _first(self._variables, raw, _ACCOUNT_KEYS)
        event = self._event(raw)
        details = self._details(raw, role)
        if code is not None:
            trace = trace_code(code, hosts)
            maker, account, event = trace.maker, trace.account, trace.event
            if trace.others:
                details["also names"] = ", ".join(trace.others)
        elif maker is None and role is TagRole.TAG and not function.startswith("__ogt"):
            maker = maker_of_hosts(hosts)
        elif role is TagRole.SETTING:
            maker = BY_FUNCTION["__googtag"]
        tag_id = raw.get("tag_id")
        return ContainerTag(
            index=index,
            function=function,
            vendor=maker.vendor if maker else None,
            product=maker.product if maker else None,
            account=account,
            event=event,
            trigger=self._trigger(index),
            paused=paused,
            html=html,
            hosts=tuple(sorted(hosts)),
            details=tuple(sorted(details.items())),
            role=role,
            tag_id=tag_id if isinstance(tag_id, int) and 0 <= tag_id < 2**53 else None,
        )

    def _trigger(self, index: int) -> str:
        words = self._triggers.of(index)
        step = self._steps.get(index)
        if step:
            words = f"{words} or {step}" if words else step
        if not words and not self._source.complete:
            return "on a trigger that was cut off"
        return words or "never by itself: no trigger"

    def _html(self, raw: Mapping[str, JsValue]) -> str:
        html = self._variables.text(raw.get("vtp_html"), max(min(MAX_HTML_CHARS, self._html_left), 0))
        self._html_left -= len(html)
        # The container disarms scripts until they run; page-signal rules know the armed form.
        return html.replace(' type="text/gtmscript"', "").replace("data-gtmsrc=", "src=")

    def _event(self, raw: Mapping[str, JsValue]) -> str | None:
        for pair in _EVENT_PAIRS:
            parts = [self._variables.text(raw[key]) for key in pair if key in raw]
            if any(parts):
                return " / ".join(part for part in parts if part)
        for key in _EVENT_KEYS:
            text = self._variables.text(raw.get(key))
            if text:
                return text
        return None

    def _details(self, raw: Mapping[str, JsValue], role: TagRole) -> dict[str, str]:
        if role is TagRole.LISTENER:
            return {}
        details: dict[str, str] = {}
        for key, value in raw.items():
            if key in _HOUSEKEEPING or value in ("", False, None) or len(details) >= MAX_DETAILS:
                continue
            text = self._variables.text(value, MAX_DETAIL_CHARS)
            if text and text != "list" and value != ["map"]:
                details[clean(key.removeprefix("vtp_"), 60)] = text
        return details


def _dicts(value: JsValue) -> list[dict[str, JsValue]]:
    """Items of a list with whatever is no object made empty, so that places stay what rules refer to."""
    return [item if isinstance(item, dict) else {} for item in value] if isinstance(value, list) else []


def _first(variables: Variables, raw: Mapping[str, JsValue], keys: tuple[str, ...]) -> str | None:
    for key in keys:
        values = variables.values(raw.get(key))
        if values:
            return clean(" | ".join(values[:5]), 200)
    return None


def _hosts_of_setting(text: str) -> set[str]:
    found = hosts_in(text)
    if not found and text and "{" not in text:
        found = hosts_in(f"//{text.partition('/')[0]}")
    return found


def _listener_words(tags: list[dict[str, JsValue]], variables: Variables) -> dict[str, str]:
    """What each trigger's listener waits for, by trigger id, where it says so."""
    words: dict[str, str] = {}
    for tag in tags:
        trigger_id = tag.get("vtp_uniqueTriggerId")
        if not isinstance(trigger_id, str):
            continue
        said = {key: variables.text(tag[f"vtp_{key}"]) for key in _LISTENER_SETTINGS if tag.get(f"vtp_{key}")}
        words[trigger_id] = ", ".join(f"{_LISTENER_SETTINGS[key]} {text}" for key, text in said.items() if text)
    return words


_LISTENER_SETTINGS: Final = {
    "verticalThresholdsPercent": "down to percent",
    "verticalThresholdsPixels": "down to pixels",
    "interval": "every ms",
    "elementId": "element id",
    "elementSelector": "element",
}


def _setup_steps(tags: list[dict[str, JsValue]]) -> dict[int, str]:
    """Tags that run as set-up or clean-up of another tag, by place."""
    steps: dict[int, str] = {}
    for tag in tags:
        for key, when in (("setup_tags", "before"), ("teardown_tags", "after")):
            for reference in list_items(tag.get(key))[:10]:
                if isinstance(reference, list) and len(reference) > 1 and isinstance(reference[1], int):
                    steps[reference[1]] = f"{when} another tag ({clean(str_of(tag.get('function')), 40)})"
    return steps


def _template_hosts(siblings: Mapping[str, JsValue]) -> dict[str, set[str]]:
    """Hosts that each template's permissions and sandboxed code name, by function."""
    found: dict[str, set[str]] = {}
    permissions = siblings.get("permissions")
    if isinstance(permissions, dict):
        for function, granted in islice(permissions.items(), 500):
            hosts = hosts_in(" ".join(_strings(granted, 2_000)))
            if hosts:
                found.setdefault(function, set()).update(hosts)
    runtime = siblings.get("runtime")
    for code in (runtime if isinstance(runtime, list) else [])[:500]:
        if isinstance(code, list) and len(code) > 1 and isinstance(code[1], str):
            hosts = hosts_in(" ".join(text for text in _strings(code, 20_000) if "//" in text))
            if hosts:
                found.setdefault(code[1], set()).update(hosts)
    return found


def _strings(value: JsValue, limit: int) -> list[str]:
    """Up to `limit` strings inside a value, however deep, without recursion."""
    found: list[str] = []
    waiting: list[JsValue] = [value]
    while waiting and len(found) < limit:
        taken = waiting.pop()
        if isinstance(taken, str):
            found.append(taken)
        elif isinstance(taken, list):
            waiting.extend(reversed(taken))
        elif isinstance(taken, dict):
            waiting.extend(map_items(taken) or taken.values())
    return found
