"""Examples without what could name a person: the one place where reports call the masking. Pure."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import parse_qsl, urlsplit

from reports.model import RequestView
from scanner.masking import mask

TELLS_NOTHING = re.compile(r"-?\d{1,4}(\.\d{1,2})?|true|false|yes|no|[A-Z]{3}|", re.IGNORECASE)
_FORM = re.compile(r"\b(plain|hashed|encoded|encrypted)\b[^,]*$")
_MAX_PARAMETERS = 200


def mask_value(value: str, kind: str) -> str:
    """Return `value` so that it shows its nature and not the person.

    What a field of unknown meaning carries may be anything, so only its length is told.
    """
    return mask(value, kind) if kind else f"‹{len(value)} characters›"


def mask_request(url: str, kinds: Mapping[str, str], plain: Iterable[str] = ()) -> RequestView | None:
    """Take a request's URL apart and mask its values; None if it is not a URL with a host.

    `kinds` says which field (`ad.loc`, `ud[em]`) carries which exposure kind. `plain` are values that are no secret
    and help the reader: account ids and event names. Of everything else only trifles (small numbers, yes and no,
    currencies) are shown.
    """
    try:
        parts = urlsplit(url[:100_000])
        named = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=5_000)
    except ValueError:
        return None
    if not parts.hostname:
        return None
    shown = frozenset(plain)
    fields = [field for name, value in named for field in _fields(name, value)]
    heads = {re.split(r"[.\[]", field)[0]: kind for field, kind in sorted(kinds.items(), reverse=True)}

    def masked(name: str, value: str) -> str:
        if value in shown or TELLS_NOTHING.fullmatch(value):
            return value
        return mask_value(value, kinds.get(name) or heads.get(name, ""))

    parameters = [(name, masked(name, value)) for name, value in fields[:_MAX_PARAMETERS]]
    if len(fields) > _MAX_PARAMETERS:
        parameters.append(("…", f"{len(fields) - _MAX_PARAMETERS:,} more parameters"))
    # Credentials in an address are nobody's business; the port is part of it.
    return RequestView(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}", tuple(parameters))


def _fields(name: str, value: str) -> Iterator[tuple[str, str]]:
    """Take JSON in a parameter apart, so that each field can be masked by what it carries: `pd={"em": …}` → `pd.em`."""
    tree: object = value
    if value[:1] in ("{", "[") and len(value) <= 20_000:
        with contextlib.suppress(ValueError, RecursionError):
            tree = json.loads(value)
    yield from _leaves(name, tree, 4)


def _leaves(name: str, tree: object, depth: int) -> Iterator[tuple[str, str]]:
    match tree:
        case dict() if tree and depth:
            for key, value in tree.items():
                yield from _leaves(f"{name}.{key}", value, depth - 1)
        case list() if tree and depth:
            for number, value in enumerate(tree):
                yield from _leaves(f"{name}[{number}]", value, depth - 1)
        case str():
            yield name, tree
        case _:
            yield name, json.dumps(tree, ensure_ascii=False)


def form_of(examples: Iterable[str]) -> str:
    """Say in which form the masked examples of a field were written; empty when unknown or mixed."""
    forms = {found[1] if (found := _FORM.search(example)) else "" for example in examples}
    return forms.pop() if len(forms) == 1 else ""
