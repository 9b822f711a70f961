"""Conditions and references of rules, said in Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from rules.model import Condition, FieldRole, Ref, ValueTest
from scanner.model import ExposureKind

MAX_HOSTS = 8
TYPICAL = {
    ExposureKind.PAGE_URL: "https://clinic.test/knee-pain",
    ExposureKind.PAGE_TITLE: "Knee pain",
    ExposureKind.REFERRER: "https://www.google.com/",
    ExposureKind.SEARCH_QUERY: "insulin pump",
    ExposureKind.FORM_FIELD: "reason for the visit",
    ExposureKind.BUTTON_TEXT: "Book an appointment",
    ExposureKind.EVENT_NAME: "lead",
    ExposureKind.PRODUCT_OR_CONTENT: "Cardiology",
    ExposureKind.EMAIL: "jane@patient.test, or its hash",
    ExposureKind.PHONE: "+1 555 0100, or its hash",
    ExposureKind.NAME: "Jane, or its hash",
    ExposureKind.ADDRESS: "Boston, or its hash",
    ExposureKind.DATE_OF_BIRTH: "1980-01-02, or its hash",
    ExposureKind.EXTERNAL_ID: "4711",
    ExposureKind.BROWSER_ID: "1700000000.123456789",
    ExposureKind.CLICK_ID: "the id of a clicked ad",
    ExposureKind.IP_ADDRESS: "203.0.113.7",
    ExposureKind.PRECISE_LOCATION: "42.3601, -71.0589",
    ExposureKind.FREE_TEXT: "whatever the site writes",
}
"""What a field of a kind typically holds, where no tested example shows it. Invented."""
_ROLES = {
    "known": "technical",
    "other": "kept, no meaning known",
    "page_url": "page URL",
    "ip_address": "IP address",
    "email": "e-mail address",
}


def cell(text: str) -> str:
    """Return text that stays inside one cell of a table."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def code(text: str) -> str:
    """Return text as code inside a cell. Backticks in it take a longer fence."""
    flat = " ".join(text.split()).replace("|", "\\|")
    return f"`` {flat} ``" if "`" in flat else f"`{flat}`"


def names_words(names: Sequence[str], most: int) -> str:
    """Return names as code, the first `most` of them.

    >>> names_words(["a", "b", "c"], 2)
    '`a`, `b` and 1 more'
    """
    shown = ", ".join(code(name or "(body)") for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def where_words(condition: Condition) -> str:
    """Return what a condition looks at: hosts, paths, parameters."""
    hosts = "any host" if condition.anywhere else names_words(list(condition.hosts), MAX_HOSTS)
    paths = [*sorted(condition.paths), *(f"{prefix}…" for prefix in condition.path_prefixes)]
    paths += [f"…{suffix}" for suffix in condition.path_suffixes]
    if condition.path_pattern is not None:
        paths.append(condition.path_pattern.pattern)
    words = [hosts]
    if paths:
        words.append(names_words(paths, MAX_HOSTS))
    present = [_test_words(test) for test in condition.params]
    if present:
        words.append("with " + ", ".join(present))
    if condition.body_contains:
        words.append("body with " + names_words(list(condition.body_contains), MAX_HOSTS))
    if condition.content:
        words.append("a script that holds " + names_words(list(condition.content), MAX_HOSTS))
    if condition.any_of:
        choices = [inner for choice in condition.any_of if (inner := where_words(choice))]
        words.append("and one of: " + "; ".join(choices))
    return " ".join(word for word in words if word)


def _test_words(test: ValueTest) -> str:
    name = code(test.path)
    if test.absent:
        return f"no {name}"
    if test.pattern is not None:
        return f"{name} like {code(test.pattern.pattern)}"
    return f"{name} one of {names_words(sorted(test.values), MAX_HOSTS)}" if test.values else name


def account_words(ref: Ref) -> str:
    """Return where an account stands."""
    if ref.path is not None:
        where = f"in the path, {code(ref.path.pattern)}"
    elif ref.host is not None:
        where = f"in the host, {code(ref.host.pattern)}"
    elif ref.header is not None:
        where = f"header {code(ref.header)}"
    elif ref.fields:
        where = (ref.join or " ").join(code(path) for path in ref.fields)
    else:
        where = "always"
    if ref.pattern is not None:
        where += f" like {code(ref.pattern.pattern)}"
    return f"{where}, written {code(ref.prefix + '…')}" if ref.prefix else where


def role_words(role: str) -> str:
    """Return an exposure kind, or one of the other roles, in words."""
    return _ROLES.get(role, role.replace("_", " "))


def field_words(role: FieldRole) -> str:
    """Return what a field means, its form where the rule fixes it, and how it is collected."""
    form = role.hash or (role.form.value if role.form is not None else "")
    words = role_words(role.role) + (f", {form}" if form else "")
    if role.automatic:
        words += f"; by itself: {role.automatic}"
    return cell(f"{words} — {role.note}" if role.note else words)
