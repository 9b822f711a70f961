"""Entries put into the text of an approvals file; comments, order and layout of everything else stay. Pure.

New entries come last, so that a version control system shows just them. A text that cannot be edited safely (say, with
anchors, or a list in brackets) is refused rather than rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from unicodedata import category

import yaml
from yaml.nodes import MappingNode, Node, SequenceNode

from scanner.approvals import Acceptance, Acceptances, Covered, Revocation
from scanner.approvals_read import content_id, read_approvals
from scanner.errors import ProblemsError, UsageError
from scanner.model import Verdict

HEAD = """\
# What was accepted on these sites: by whom, why, and until when. `tagdrift approve` adds entries; editing them by hand,
# through a reviewed change, counts as well. `tagdrift approvals` lists what is in force. See docs/policy.md.
format: 1
approvals:
"""
_INVISIBLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


class _Flow(dict[str, Any]):
    """A mapping on one line."""


class _Moment(str):
    """A time that needs no quotes."""

    __slots__ = ()


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_implicit_resolver(  # `1e3` is text to PyYAML, a number to YAML 1.2 and to our reader: it needs quotes
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$"),
    list("-+.0123456789"),
)
_Dumper.add_representer(_Flow, lambda dumper, one: dumper.represent_mapping("tag:yaml.org,2002:map", one, True))
_Dumper.add_representer(_Moment, lambda dumper, one: dumper.represent_scalar("tag:yaml.org,2002:timestamp", str(one)))


def named(entry: Acceptance) -> Acceptance:
    """`entry` with the id that follows from its content."""
    return replace(entry, id=content_id(document_of(entry)))


def with_entry(text: str, entry: Acceptance, file: str) -> str:
    """Return the text with one more entry at its end; nothing in it stands for a new file.

    Raises:
        ProblemsError: the text is no approvals file.
        UsageError: it cannot be edited safely.
    """
    before = read_approvals(text, file)
    if before.find(entry.id) is not None:
        return text
    block = _block(_written(entry))
    node = _approvals_node(text)
    if node is None:
        kept = text if not text.strip() or text.endswith("\n") else f"{text}\n"
        edited = kept + HEAD + block
    elif node.flow_style and not node.value:  # `approvals: []`
        start, end = node.start_mark.index, node.end_mark.index
        edited = f"{text[:start].rstrip(' ')}\n{block}{text[end:].lstrip(' ')}"
    else:
        lines = text.splitlines(keepends=True)
        at = _last_line(node) + 1
        if lines[at - 1 : at] and not lines[at - 1].endswith("\n"):
            lines[at - 1] += "\n"
        indent = " " * node.start_mark.column
        edited = (
            "".join(lines[:at])
            + "".join(f"{indent}{line[2:]}" for line in block.splitlines(True))
            + "".join(lines[at:])
        )
    return _checked(edited, (*before.entries, entry), file, block)


def with_revocation(text: str, approval_id: str, revocation: Revocation, file: str) -> str:
    """Return the text with the entry of that id taken back. Raises as `with_entry` does, and for an unknown id."""
    before = read_approvals(text, file)
    if before.find(approval_id) is None:
        known = ", ".join(entry.id for entry in before.entries) or "none"
        raise UsageError(f"{file} holds no approval `{approval_id}`", hint=f"it holds: {known}")
    position = next(n for n, entry in enumerate(before.entries) if entry.id == approval_id)
    line = f"revoked: {_flow(_revoked(revocation))}\n"
    node = _approvals_node(text)
    assert node is not None
    entry_node = node.value[position]
    lines = text.splitlines(keepends=True)
    at = _last_line(entry_node) + 1
    if not lines[at - 1].endswith("\n"):
        lines[at - 1] += "\n"
    column = entry_node.start_mark.column
    if not isinstance(entry_node, MappingNode) or entry_node.flow_style or node.flow_style:
        raise _cannot_edit(file, f"add this to the approval {approval_id}:\n{line}")
    edited = "".join([*lines[:at], " " * column + line, *lines[at:]])
    after = tuple(replace(entry, revoked=revocation) if entry.id == approval_id else entry for entry in before.entries)
    return _checked(edited, after, file, line)


def document_of(entry: Acceptance) -> dict[str, Any]:
    """The entry as plain values, without its id: what the audit log keeps and the id is made of."""
    plain: dict[str, Any] = {}
    for key, value in _written(entry).items():
        if key != "id":
            plain[key] = [dict(one) for one in value] if key == "covers" else value
    return {key: _plain(value) for key, value in plain.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return str(value) if isinstance(value, str) else value


def _written(entry: Acceptance) -> dict[str, Any]:
    """The keys of an entry in the order in which people read them."""
    keys: dict[str, Any] = {
        "id": entry.id,
        "site": _texts(entry.site),
        "scan": entry.scan,
        "finding": entry.finding,
        "title": entry.title,
        "vendor": _texts(entry.vendor),
        "product": _texts(entry.product),
        "account": _texts(entry.account),
        "host": _texts(entry.host),
        "pages": _texts(entry.pages),
        "who": entry.who,
        "why": entry.why,
        "contract": entry.contract,
        "at": _moment(entry.at),
        "until": entry.until,
        "covers": [_covered(one) for one in entry.covers],
        "revoked": _Flow(_revoked(entry.revoked)) if entry.revoked else None,
    }
    written = {key: value for key, value in keys.items() if value not in (None, "", [], ())}
    if entry.sends is not None:
        written = {k: v for key in keys for k, v in ((key, written.get(key)), *_sends(entry, key)) if v is not None}
    return written


def _sends(entry: Acceptance, after: str) -> tuple[tuple[str, Any], ...]:
    return (("sends", list(entry.sends or ())),) if after == "pages" else ()


def _covered(one: Covered) -> _Flow:
    identity = one.identity
    keys = {
        "kind": identity.kind.value,
        "subject": identity.subject,
        "tag": str(identity.tag) if identity.tag else "",
        "role": identity.role,
        "change": one.verdict.value if one.verdict is not Verdict.ADDED else "",
        "version": one.version,
        "pages": _texts(one.pages),
    }
    return _Flow({key: value for key, value in keys.items() if value not in (None, "", [])})


def _revoked(revocation: Revocation) -> dict[str, Any]:
    at = _moment(revocation.at)  # within braces a time needs quotes, as any text with colons does
    keys = {"who": revocation.who, "why": revocation.why, "at": str(at) if at is not None else None}
    return {key: value for key, value in keys.items() if value is not None}


def _texts(values: tuple[str, ...]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _moment(at: datetime | None) -> _Moment | None:
    if at is None:
        return None
    return _Moment(at.astimezone(UTC).replace(microsecond=0).isoformat().replace("+00:00", "Z"))


def _block(entry: dict[str, Any]) -> str:
    """One entry as it stands in the list, two columns in."""
    text = _dumped([entry])
    return "".join(f"  {line}" for line in text.splitlines(keepends=True))


def _flow(mapping: dict[str, Any]) -> str:
    return _dumped(_Flow(mapping)).strip()


def _dumped(value: Any) -> str:
    text = yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000_000, default_flow_style=False
    )
    if not any(category(char) in _INVISIBLE for char in text if char != "\n"):
        return text
    # Whoever reviews the file must see what is in it: marks that turn or hide text are written as escapes.
    return yaml.dump(
        value, Dumper=_Dumper, sort_keys=False, allow_unicode=False, width=1_000_000, default_flow_style=False
    )


def _approvals_node(text: str) -> SequenceNode | None:
    """The list of entries; None for a text without one. The text has been read before, so it is sound YAML."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, MappingNode):
        return None
    return next((value for key, value in root.value if key.value == "approvals"), None)


def _last_line(node: Node) -> int:
    """Index of the last line on which something of `node` stands; comments and empty lines behind it do not count."""
    while isinstance(node, MappingNode | SequenceNode) and not node.flow_style and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    end = node.end_mark
    return end.line - 1 if end.column == 0 and end.line > node.start_mark.line else end.line


def _checked(text: str, expected: tuple[Acceptance, ...], file: str, block: str) -> str:
    """Return `text` if it says what it should; an unusual layout may lead the edit astray."""
    try:
        found: Acceptances | None = read_approvals(text, file)
    except ProblemsError:
        found = None
    if found is None or found.entries != expected:
        raise _cannot_edit(file, f"add this by hand:\n{block}")
    return text


def _cannot_edit(file: str, hint: str) -> UsageError:
    return UsageError(f"{file} is written in a way that cannot be added to safely; nothing was changed", hint=hint)
