"""The sections `identities` and `health`: what the site's owner adds to the judgement."""

from __future__ import annotations

from functools import partial
from typing import Any

from scanner.config_secrets import is_reference, read_secret
from scanner.config_site import Context, Section
from scanner.config_yaml import KeyPath
from scanner.judging import Judging, WatchedIdentity
from scanner.model import ExposureKind, Secret

SHORTEST_IDENTITY = 3
"""Shorter values would match everywhere."""


def read_judging(top: Section, context: Context) -> Judging:
    """Return what the file adds to the judgement. References are always followed: whoever compares must judge alike."""
    return Judging(
        identities=tuple(
            identity
            for position, given in enumerate(top.get("identities", []))
            if given is not None and (identity := _identity(given, position, context)) is not None
        ),
        health_terms=_texts(top.group("health"), "terms"),
        health_ignored=_texts(top.group("health"), "ignored"),
    )


def _identity(given: dict[str, Any], position: int, context: Context) -> WatchedIdentity | None:
    at: KeyPath = ("identities", position, "value")
    kind, text = given.get("kind"), given.get("value")
    if kind is None or text is None:
        return None
    secret = Secret("plain text in the configuration", text)
    if is_reference(text):
        found = context.attempt(at, partial(read_secret, text, "value", context.base, context.environ))
        if found is None:
            return None
        secret = Secret(text, found.reveal().strip())
    if len(secret.reveal().strip()) < SHORTEST_IDENTITY:
        context.problem(at, f"the value of an identity needs at least {SHORTEST_IDENTITY} characters")
        return None
    return WatchedIdentity(ExposureKind(kind), secret, given.get("label") or f"identity {position + 1}")


def _texts(section: Section, key: str) -> tuple[str, ...]:
    return tuple(text for _, text in section.texts(key))
