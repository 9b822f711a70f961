"""When a container's tags fire, in words.

Triggers are rules over numbered predicates: "if these and unless those, add (or block) these tags".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from rules.container_literal import JsValue
from rules.container_words import Variables, clean, str_of

MAX_CONDITIONS: Final = 12
MAX_TRIGGERS: Final = 12

_EVENTS: Final = {
    "gtm.init_consent": "consent initialization",
    "gtm.init": "initialization",
    "gtm.js": "page view",
    "gtm.dom": "DOM ready",
    "gtm.load": "window loaded",
    "gtm.click": "any click",
    "gtm.linkClick": "link click",
    "gtm.formSubmit": "form submit",
    "gtm.formInteract": "form interaction",
    "gtm.historyChange": "history change",
    "gtm.historyChange-v2": "history change",
    "gtm.scrollDepth": "scrolling",
    "gtm.elementVisibility": "element becoming visible",
    "gtm.video": "video activity",
    "gtm.timer": "timer",
    "gtm.pageError": "JavaScript error",
    "gtm.triggerGroup": "trigger group",
}
_VERBS: Final = {
    "_eq": ("equals", "does not equal"),
    "_cn": ("contains", "does not contain"),
    "_sw": ("starts with", "does not start with"),
    "_ew": ("ends with", "does not end with"),
    "_re": ("matches", "does not match"),
    "_css": ("matches CSS selector", "does not match CSS selector"),
    "_gt": ("is greater than", "is not greater than"),
    "_ge": ("is at least", "is less than"),
    "_lt": ("is less than", "is at least"),
    "_le": ("is at most", "is greater than"),
}
_TRIGGER_ID: Final = re.compile(r"\(\^\|,\)([\w-]{1,40})\(\$\|,\)")


class Triggers:
    """When each tag of one container fires, in words."""

    def __init__(self, predicates: JsValue, rules: JsValue, variables: Variables, listeners: dict[str, str]) -> None:
        """`listeners` says what a trigger id watches, e.g. `{"123_4": "25, 50 percent"}`."""
        listed = predicates if isinstance(predicates, list) else []
        self._predicates: list[dict[str, JsValue]] = [each if isinstance(each, dict) else {} for each in listed]
        self._variables = variables
        self._listeners = listeners
        self._fires: dict[int, list[str]] = {}
        self._blocks: dict[int, list[str]] = {}
        self._conditions: dict[tuple[int, bool, str], str] = {}
        for rule in rules if isinstance(rules, list) else []:
            self._take(rule)

    def of(self, tag: int) -> str | None:
        """Words for the tag at that place of the list; None if no rule fires it."""
        fires = self._fires.get(tag)
        if not fires:
            return None
        blocks = self._blocks.get(tag)
        return _any_of(fires) + (f"; never {_any_of(blocks)}" if blocks else "")

    def _take(self, rule: JsValue) -> None:
        clauses: dict[str, list[int]] = {"if": [], "unless": [], "add": [], "block": []}
        for clause in rule if isinstance(rule, list) else []:
            if isinstance(clause, list) and clause and isinstance(clause[0], str) and clause[0] in clauses:
                clauses[clause[0]].extend(number for number in clause[1:] if isinstance(number, int))
        if not clauses["add"] and not clauses["block"]:
            return
        words = self._rule_words(clauses["if"], clauses["unless"])
        for into, tags in ((self._fires, clauses["add"]), (self._blocks, clauses["block"])):
            for tag in tags:
                sentences = into.setdefault(tag, [])
                if len(sentences) <= MAX_TRIGGERS and words not in sentences:
                    sentences.append(words)

    def _rule_words(self, required: Sequence[int], excluded: Sequence[int]) -> str:
        events: list[str] = []
        watched: list[str] = []
        element = "Element"
        rest: list[tuple[int, bool]] = []
        numbered = [(number, True) for number in required] + [(number, False) for number in excluded]
        for number, wanted in numbered[: 4 * MAX_CONDITIONS]:
            if not 0 <= number < len(self._predicates):
                continue
            predicate = self._predicates[number]
            macro = self._variables.at(predicate.get("arg0"))
            if macro.get("function") == "__v" and macro.get("vtp_name") == "gtm.triggers":
                match = _TRIGGER_ID.search(str_of(predicate.get("arg1"))[:200])
                if match and self._listeners.get(match[1]):
                    watched.append(self._listeners[match[1]])
            elif macro.get("function") == "__e" and wanted:
                event = str_of(predicate.get("arg1"))
                events.append(_event_words(event, str(predicate.get("function"))))
                element = {"form submit": "Form", "link click": "Click", "any click": "Click"}.get(events[0], element)
            else:
                rest.append((number, wanted))
        conditions = sorted({self._condition(number, wanted, element) for number, wanted in rest})
        if len(conditions) > MAX_CONDITIONS or len(numbered) > 4 * MAX_CONDITIONS:
            conditions = [*conditions[:MAX_CONDITIONS], "further conditions"]
        event = " and ".join(dict.fromkeys(events)) or "any event"
        event += f" ({'; '.join(dict.fromkeys(watched))})" if watched else ""
        return f"on {event}" + (f" where {' and '.join(conditions)}" if conditions else "")

    def _condition(self, number: int, wanted: bool, element: str) -> str:
        key = (number, wanted, element)
        if key not in self._conditions:
            self._conditions[key] = self._describe(self._predicates[number], wanted, element)
        return self._conditions[key]

    def _describe(self, predicate: dict[str, JsValue], wanted: bool, element: str) -> str:
        function = str(predicate.get("function"))
        verbs = _VERBS.get(function, (f"passes {function.strip('_')}", f"does not pass {function.strip('_')}"))
        left = self._variables.name(predicate.get("arg0"), element=element)
        right = self._variables.text(predicate.get("arg1"), element=element)
        loosely = " (ignoring case)" if predicate.get("ignore_case") is True else ""
        return f'{left} {verbs[0 if wanted else 1]} "{right}"{loosely}'


def _event_words(event: str, function: str) -> str:
    if function == "_eq":
        return _EVENTS.get(event) or f'custom event "{clean(event, 80)}"'
    if function == "_re" and event in (".*", ".+", "^.*$"):
        return "any event"
    return f'an event that {_VERBS.get(function, ("passes", ""))[0]} "{clean(event, 80)}"'


def _any_of(sentences: Sequence[str]) -> str:
    """Join alternatives in a fixed order: rules are renumbered between versions."""
    shown = sorted(sentences[:MAX_TRIGGERS])
    return " or ".join(shown) + (" or on further triggers" if len(sentences) > MAX_TRIGGERS else "")
