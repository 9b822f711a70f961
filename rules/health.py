"""Health context of a text or URL: the terms it holds, read as words, slugs and decoded values.

Terms stand in `health_terms.yaml`. Matching is by whole words: no "cancer" in "cancerian", no "std" in "stdlib".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml

from rules.unwrap import peel
from scanner.errors import Problem, ProblemsError

MIN_JOINED_CHARS: Final = 8
"""Terms of several words are also matched written as one, from this length on: `/breastcancer/`."""
CONTEXT_WORDS: Final = 4
"""How far a word may stand from the ambiguous term that it explains."""
MAX_WORDS: Final = 100_000
MAX_FOUND: Final = 200

_CHUNK: Final = re.compile(r"[A-Za-z0-9]+")
_CAMEL: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
_SITE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{1,20}+://[^/?#\s\"'<>]{0,300}+")


class Sensitivity(StrEnum):
    HIGH = "high"
    """What laws and regulators single out: mental, sexual and reproductive health, addiction, cancer …"""
    NORMAL = "normal"


@dataclass(frozen=True, slots=True)
class TermGroup:
    """Terms that belong together."""

    id: str
    kind: str
    """condition | symptom | procedure | specialty | drug | life-event | custom"""
    sensitivity: Sensitivity
    terms: tuple[str, ...]
    ambiguous: tuple[str, ...] = ()
    """Counted only beside a context word or a term of the same group."""


@dataclass(frozen=True, slots=True)
class TermList:
    """Everything a terms file says."""

    groups: tuple[TermGroup, ...]
    context: tuple[str, ...] = ()
    """Words that make an ambiguous term beside them count."""


@dataclass(frozen=True, slots=True)
class TermFound:
    """One term in one text."""

    term: str
    """As in the list, lower-case."""
    group: str
    kind: str
    sensitivity: Sensitivity


@dataclass(frozen=True, slots=True)
class _Entry:
    found: TermFound
    ambiguous: bool


@dataclass(frozen=True, slots=True)
class HealthIndex:
    """Terms ready for matching. Build it once per configuration."""

    term_count: int
    _root: dict[str, Any] = field(repr=False)
    """Tries of words: word → deeper trie; the empty word → `_Entry`."""
    _context: frozenset[str] = field(repr=False)

    @classmethod
    def build(cls, terms: TermList, extra: Iterable[str] = (), ignored: Iterable[str] = ()) -> HealthIndex:
        """Compile terms; `extra` are a user's own (doctors' names, service lines), `ignored` are left out."""
        left_out = {" ".join(words_of(term)) for term in ignored}
        root: dict[str, Any] = {}
        count = 0
        own = TermGroup("custom", "custom", Sensitivity.NORMAL, tuple(extra))
        for group in (*terms.groups, own):
            for ambiguous, listed in ((False, group.terms), (True, group.ambiguous)):
                for term in listed:
                    words = words_of(term)
                    if not words or " ".join(words) in left_out:
                        continue
                    found = TermFound(" ".join(words), group.id, group.kind, group.sensitivity)
                    entry = _Entry(found, ambiguous)
                    count += _insert(root, words, entry)
                    joined = "".join(words)
                    if len(words) > 1 and len(joined) >= MIN_JOINED_CHARS:
                        _insert(root, [joined], entry)
        return cls(count, root, frozenset(terms.context))


def load_terms(path: str | None = None) -> TermList:
    """Read the bundled terms, or a file in the same form.

    Raises:
        ProblemsError: everything that is wrong with the file, at once.
    """
    if path is None:
        text, name = files("rules").joinpath("health_terms.yaml").read_text(encoding="utf-8"), "health_terms.yaml"
    else:
        name = path
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ProblemsError([Problem(path, None, f"cannot be read: {error}")]) from error
    try:
        # The C loader is ten times as fast, and reads the same safe subset.
        document = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
    except yaml.YAMLError as error:
        raise ProblemsError([Problem(name, None, f"is no YAML: {error}")]) from error
    return _checked(document, name)


def find_terms(text_or_url: str, index: HealthIndex) -> tuple[TermFound, ...]:
    """Return the terms in a text or URL, in order of appearance, each once; at most 200.

    Percent escapes, base64 and the like are taken off first. Of a URL only path, query and fragment count: the
    host says who the site is, not what the visitor reads. Overlapping terms: the longest wins.
    """
    found: dict[TermFound, None] = {}
    for layer, _ in peel(text_or_url):
        text = _SITE.sub(" ", layer) if "://" in layer else layer
        for term in _match(words_of(text), index):
            found.setdefault(term)
            if len(found) >= MAX_FOUND:
                return tuple(found)
    return tuple(found)


# --------------------------------------------------------------------------- words


def words_of(text: str) -> list[str]:
    """Split a text, slug or identifier into lower-case words.

    >>> words_of("/PostpartumDepression_and-more/covid19")
    ['postpartum', 'depression', 'and', 'more', 'covid', '19']
    """
    if not text.isascii():
        text = _without_accents(text)
    if "'" in text:
        text = text.replace("'", "")
    words: list[str] = []
    for chunk in _CHUNK.findall(text):
        if chunk.islower() or chunk.isupper():
            if chunk.isalpha():
                words.append(chunk.lower())
            else:
                words += _with_digits(chunk.lower())
        elif chunk.isdigit():
            words.append(chunk)
        else:
            words += _camel(chunk)
        if len(words) > MAX_WORDS:
            break
    return words


@lru_cache(maxsize=16_384)
def _with_digits(chunk: str) -> tuple[str, ...]:
    """`covid19` is two words; `a1b2c3` is an id and stays whole."""
    pieces = _CAMEL.findall(chunk[:60])
    if len(pieces) == 2 and len(pieces[0]) >= 3 and pieces[0].isalpha():
        return tuple(pieces)
    return (chunk,)


@lru_cache(maxsize=16_384)
def _camel(chunk: str) -> tuple[str, ...]:
    """Split `PostpartumDepression`. Random ids fall into short pieces: they are no words at all."""
    pieces = _CAMEL.findall(chunk[:200])
    if len(pieces) == 1 or (len(pieces) <= 8 and all(len(piece) >= 3 or piece.isdigit() for piece in pieces)):
        return tuple(piece.lower() for piece in pieces)
    return ("",)


def _without_accents(text: str) -> str:
    text = text.replace("’", "").replace("ʼ", "")
    return "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))


@lru_cache(maxsize=16_384)
def _singular(word: str) -> str:
    if len(word) < 4 or word[-1] != "s" or word[-2:] in ("ss", "us", "is"):
        return word
    if word.endswith("ies"):
        return word[:-3] + "y"
    if word.endswith(("shes", "ches", "xes", "sses")):
        return word[:-2]
    return word[:-1]


# --------------------------------------------------------------------------- matching


def _insert(root: dict[str, Any], words: Sequence[str], entry: _Entry) -> int:
    node = root
    for word in words:
        node = node.setdefault(word, {})
    if "" in node:
        return 0
    node[""] = entry
    return 1


def _match(words: list[str], index: HealthIndex) -> list[TermFound]:
    root = index._root
    hits: list[tuple[int, int, _Entry]] = []
    if "s" in words:
        words = [word for word in words if word != "s"]  # what is left of an apostrophe in `parkinson-s-disease`
    count, at = len(words), 0
    while at < count:
        word = words[at]
        node = root.get(word)
        if node is None and (word[-1:] != "s" or (node := root.get(_singular(word))) is None):
            at += 1
            continue
        best: tuple[int, _Entry] | None = None
        end = at + 1
        while node is not None:
            entry = node.get("")
            if entry is not None:
                best = (end, entry)
            if end >= count or not words[end]:
                break
            node = node.get(words[end]) or node.get(_singular(words[end]))
            end += 1
        if best is None:
            at += 1
        else:
            hits.append((at, best[0], best[1]))
            at = best[0]
    return [
        entry.found
        for start, end, entry in hits
        if not entry.ambiguous or _explained(start, end, entry, words, hits, index)
    ]


def _explained(
    start: int, end: int, entry: _Entry, words: list[str], hits: list[tuple[int, int, _Entry]], index: HealthIndex
) -> bool:
    around = words[max(0, start - CONTEXT_WORDS) : start] + words[end : end + CONTEXT_WORDS]
    if any(word in index._context or _singular(word) in index._context for word in around):
        return True
    return any(
        not other.ambiguous
        and other.found.group == entry.found.group
        and other_start < end + CONTEXT_WORDS
        and other_end > start - CONTEXT_WORDS
        for other_start, other_end, other in hits
    )


# --------------------------------------------------------------------------- reading the file


def _checked(document: object, name: str) -> TermList:
    problems: list[Problem] = []
    if not isinstance(document, Mapping) or document.get("format") != 1:
        raise ProblemsError([Problem(name, None, "needs `format: 1` and `groups`")])
    groups: list[TermGroup] = []
    seen: dict[str, str] = {}
    listed = document.get("groups")
    for raw in listed if isinstance(listed, list) else []:
        if not isinstance(raw, Mapping) or not isinstance(raw.get("id"), str):
            problems.append(Problem(name, None, "a group has no `id`"))
            continue
        where = f"group {raw['id']}"
        if raw.get("sensitivity") not in ("high", "normal"):
            problems.append(Problem(name, None, f"{where}: `sensitivity` must be high or normal"))
            continue
        terms = tuple(_strings(raw.get("terms"), where, name, problems))
        ambiguous = tuple(_strings(raw.get("ambiguous"), where, name, problems))
        for term in (*terms, *ambiguous):
            if term in seen:
                problems.append(Problem(name, None, f"{where}: `{term}` stands in {seen[term]}, too"))
            seen[term] = where
        groups.append(
            TermGroup(raw["id"], str(raw.get("kind", "custom")), Sensitivity(raw["sensitivity"]), terms, ambiguous)
        )
    context = tuple(_strings(document.get("context"), "context", name, problems))
    if not groups and not problems:
        problems.append(Problem(name, None, "holds no group"))
    if problems:
        raise ProblemsError(problems)
    return TermList(tuple(groups), context)


def _strings(value: object, where: str, name: str, problems: list[Problem]) -> Iterator[str]:
    for item in value if isinstance(value, list) else []:
        if isinstance(item, str) and words_of(item):
            yield item
        else:
            problems.append(Problem(name, None, f"{where}: {item!r} is no term; put numbers in quotes"))
