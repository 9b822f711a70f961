"""Variables of a container, in words.

A container refers to its variables by number (`["macro", 7]`), and the numbers change with every version.
So nothing here lets a number through: a variable is called by what it reads, and one that runs code by a
digest of the code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final

from rules.container_literal import JsValue

MAX_NAME_CHARS: Final = 160
MAX_DEPTH: Final = 40

_URL_PARTS: Final = {
    "URL": "URL",
    "HOST": "Hostname",
    "PATH": "Path",
    "FRAGMENT": "Fragment",
    "PROTOCOL": "Protocol",
    "PORT": "Port",
    "EXTENSION": "Extension",
}
_VARIABLES: Final = {
    "__e": "Event",
    "__f": "Referrer",
    "__r": "Random Number",
    "__cid": "Container ID",
    "__ctv": "Container Version",
    "__dbg": "Debug Mode",
    "__hid": "HTML ID",
    "__t": "Time",
    "__uv": "undefined",
    "__gas": "Google Analytics settings",
    "__gtcs": "Google tag configuration settings",
    "__gtes": "Google tag event settings",
    "__awec": "user-provided data",
}
_ELEMENT_PARTS: Final = {
    "gtm.element": "Element",
    "gtm.elementId": "ID",
    "gtm.elementClasses": "Classes",
    "gtm.elementUrl": "URL",
    "gtm.elementTarget": "Target",
    "gtm.elementText": "Text",
}


def list_items(value: JsValue) -> Sequence[JsValue]:
    """Items of a `["list", …]`; empty for everything else."""
    return value[1:] if isinstance(value, list) and value and value[0] == "list" else ()


def map_items(value: JsValue) -> dict[str, JsValue]:
    """Entries of a `["map", key, value, …]`; empty for everything else."""
    if not (isinstance(value, list) and value and value[0] == "map"):
        return {}
    return {str(key): item for key, item in zip(value[1::2], value[2::2], strict=False)}


def clean(text: str, limit: int) -> str:
    """Cut to `limit` characters and make it safe to store: no NUL, no lone surrogates."""
    text = text[:limit]
    if "\0" in text:
        text = text.replace("\0", "")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


class Variables:
    """The variables of one container. Every variable is put into words at most once, so tables that
    refer to each other cannot blow up, and one that refers to itself ends as its own kind."""

    def __init__(self, macros: JsValue) -> None:
        listed = macros if isinstance(macros, list) else []
        self._macros: list[dict[str, JsValue]] = [macro if isinstance(macro, dict) else {} for macro in listed]
        self._names: dict[int, str] = {}
        self._values: dict[int, tuple[str, ...]] = {}

    def __iter__(self) -> Iterator[dict[str, JsValue]]:
        return iter(self._macros)

    def at(self, value: JsValue) -> dict[str, JsValue]:
        """The variable that `["macro", n]` refers to; empty if `value` is no such reference."""
        if isinstance(value, list) and len(value) > 1 and value[0] == "macro" and isinstance(value[1], int):
            return self._macros[value[1]] if 0 <= value[1] < len(self._macros) else {}
        return {}

    def text(self, value: JsValue, limit: int = MAX_NAME_CHARS, *, element: str = "Element") -> str:
        """`value` as text of at most `limit` characters: constants as they are, other variables as `{{name}}`."""
        parts: list[str] = []
        self._write(value, parts, [limit], 0, element)
        return clean("".join(parts), limit)

    def values(self, value: JsValue) -> tuple[str, ...]:
        """Everything `value` can be, without running the page: one for a constant, several for a lookup
        table, none if it depends on the page."""
        return self._static(value, 0)

    def name(self, value: JsValue, *, element: str = "Element") -> str:
        """What a variable reads, in words, without braces: `Page Path`, `cookie "x"`."""
        text = self.text(value, element=element)
        return text[2:-2] if text.startswith("{{") and text.find("}}") == len(text) - 2 else f'"{text}"'

    def _write(self, value: JsValue, parts: list[str], left: list[int], depth: int, element: str) -> None:
        if left[0] <= 0 or depth > MAX_DEPTH:
            return
        if not isinstance(value, list):
            text = "" if value is None else str(value).lower() if isinstance(value, bool) else str_of(value)
            parts.append(text)
            left[0] -= len(text)
            return
        head = value[0] if value else None
        if head == "macro" and len(value) > 1 and isinstance(value[1], int):
            self._write(self._reference(value[1], depth, element), parts, left, depth + 1, element)
        elif head == "escape":
            self._write(value[1] if len(value) > 1 else None, parts, left, depth + 1, element)
        elif head == "template":
            for part in value[1:]:
                self._write(part, parts, left, depth + 1, element)
                if left[0] <= 0:
                    return
        else:
            separator = ""
            items: Sequence[JsValue] = value[1:] if head in ("list", "tag") else value
            if head == "map":
                items = [["template", key, "=", item] for key, item in list(map_items(value).items())[: left[0]]]
            for item in items:
                if left[0] <= 0:
                    return
                parts.append(separator)
                self._write(item, parts, left, depth + 1, element)
                separator = ", "
                left[0] -= 2

    def _reference(self, index: int, depth: int, element: str) -> str:
        if not 0 <= index < len(self._macros):
            return "{{unknown variable}}"
        macro = self._macros[index]
        part = _ELEMENT_PARTS.get(str(macro.get("vtp_name"))) if macro.get("function") == "__v" else None
        if part:
            return "{{" + (element if part == "Element" else f"{element} {part}") + "}}"
        if index not in self._names:
            self._names[index] = "{{variable that refers to itself}}"  # until the next line is done
            self._names[index] = self._describe(macro, depth + 1)
        return self._names[index]

    def _describe(self, macro: dict[str, JsValue], depth: int) -> str:
        function = str(macro.get("function", ""))
        if function == "__c":
            parts: list[str] = []
            self._write(macro.get("vtp_value"), parts, [MAX_NAME_CHARS], depth, "Element")
            return "".join(parts)[:MAX_NAME_CHARS]
        return "{{" + clean(self._purpose(function, macro, depth), MAX_NAME_CHARS) + "}}"

    def _purpose(self, function: str, macro: dict[str, JsValue], depth: int) -> str:
        if function in _VARIABLES:
            return _VARIABLES[function]
        name = str_of(macro.get("vtp_name"))
        if function == "__v":
            return _words(name[4:]) if name.startswith("gtm.") else f'data layer variable "{name}"'
        if function == "__u":
            return self._url_part(macro, depth)
        if function == "__aev":
            return _auto_event(macro)
        if function in ("__k", "__j"):
            return f'{"cookie" if function == "__k" else "JavaScript variable"} "{name}"'
        if function == "__d":
            where = macro.get("vtp_elementId") or macro.get("vtp_elementSelector")
            attribute = str_of(macro.get("vtp_attributeName"))
            return f'page element "{str_of(where)}"' + (f", attribute {attribute}" if attribute else "")
        if function in ("__smm", "__remm"):
            parts: list[str] = []
            self._write(macro.get("vtp_input"), parts, [60], depth, "Element")
            return f"lookup table of {''.join(parts).strip('{}')} {_digest(macro.get('vtp_map'))}"
        if function == "__jsm":
            return f"custom JavaScript {self._code_digest(macro, depth)}"
        return f"variable {function.strip('_') or 'without a kind'}"

    def _code_digest(self, macro: dict[str, JsValue], depth: int) -> str:
        parts: list[str] = []
        self._write(macro.get("vtp_javascript"), parts, [20_000], depth, "Element")
        return _digest("".join(parts))

    def _url_part(self, macro: dict[str, JsValue], depth: int) -> str:
        component = str(macro.get("vtp_component") or "URL")
        source = macro.get("vtp_customUrlSource")
        whose = "Page"
        if source is not None:
            parts: list[str] = []
            self._write(source, parts, [60], depth, "Element")
            whose = "".join(parts).strip("{}") or whose
        if component == "QUERY":
            key = str_of(macro.get("vtp_queryKey"))
            return f'{whose} query parameter "{key}"' if key else f"{whose} query"
        return f"{whose} {_URL_PARTS.get(component, component)}"

    def _static(self, value: JsValue, depth: int) -> tuple[str, ...]:
        if depth > MAX_DEPTH or value is None or isinstance(value, (bool, dict)):
            return ()
        if not isinstance(value, list):
            text = clean(str_of(value).strip(), MAX_NAME_CHARS)
            return (text,) if text else ()
        head = value[0] if value else None
        if head == "escape" and len(value) > 1:
            return self._static(value[1], depth + 1)
        if head == "template":
            parts = [self._static(part, depth + 1) for part in value[1:20]]
            return ("".join(part[0] for part in parts),) if all(len(part) == 1 for part in parts) and parts else ()
        macro = self.at(value)
        if not macro or not isinstance(value[1], int):
            return ()
        index = value[1]
        if index not in self._values:
            self._values[index] = ()  # a variable that refers to itself has no value
            self._values[index] = self._static_macro(macro, depth + 1)
        return self._values[index]

    def _static_macro(self, macro: dict[str, JsValue], depth: int) -> tuple[str, ...]:
        function = macro.get("function")
        if function == "__c":
            return self._static(macro.get("vtp_value"), depth)
        if function == "__gas":
            return self._static(macro.get("vtp_trackingId"), depth)
        if function not in ("__smm", "__remm"):
            return ()
        found: list[str] = []
        for row in list_items(macro.get("vtp_map"))[:50]:
            found.extend(self._static(map_items(row).get("value"), depth))
        if macro.get("vtp_setDefaultValue") is True:
            found.extend(self._static(macro.get("vtp_defaultValue"), depth))
        return tuple(sorted(set(found)))[:50]


def str_of(value: JsValue) -> str:
    """Text of a plain value; empty for None and for containers. Long numbers are not worth spelling out."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 200:
        return "a very long number"
    return str(value) if isinstance(value, (int, float)) else ""


def _words(camel: str) -> str:
    text = re.sub(r"(?<=[a-z])(?=[A-Z])|[._]", " ", camel[:80])
    return text[:1].upper() + text[1:]


def _digest(value: JsValue) -> str:
    return "#" + sha256(repr(value)[:50_000].encode("utf-8", "replace")).hexdigest()[:6]


def _auto_event(macro: dict[str, JsValue]) -> str:
    kind = str(macro.get("vtp_varType") or "")
    if kind == "TEXT":
        return "Click Text"
    if kind == "URL":
        part = str(macro.get("vtp_component") or "URL")
        return f"Click {_URL_PARTS.get(part, part)}"
    if kind == "ATTRIBUTE":
        return f'Click attribute "{str_of(macro.get("vtp_attribute"))}"'
    return f"Click {_words(kind.lower())}".strip()
