"""Every key of the configuration is described, with the default that the code has, and every example loads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scanner.config import load_config
from scanner.config_schema import config_schema

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs" / "configuration.md"
TEXT = DOCS.read_text(encoding="utf-8")
_YAML = re.compile(r"^```ya?ml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def keys(schema: dict[str, Any], root: dict[str, Any], seen: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every property that the schema names, however deep."""
    if (reference := schema.get("$ref")) is not None:
        if reference in seen:
            return
        target: Any = root
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
        yield from keys(target, root, seen | {reference})
    for name, below in schema.get("properties", {}).items():
        yield name
        if isinstance(below, dict):
            yield from keys(below, root, seen)
    for word in ("items", "additionalProperties"):
        if isinstance(schema.get(word), dict):
            yield from keys(schema[word], root, seen)
    for word in ("oneOf", "anyOf", "allOf"):
        for below in schema.get(word, ()):
            yield from keys(below, root, seen)


KEYS = sorted(set(keys(dict(config_schema()), dict(config_schema()))))


def test_the_schema_names_what_we_think() -> None:
    assert {"store", "sites", "start", "max_pages", "page_time", "smtp", "preset", "resolve"} <= set(KEYS)


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_described(key: str) -> None:
    described = {
        name for row in re.findall(r"^\| ([^|]*) \|", TEXT, re.MULTILINE) for name in re.findall(r"`([^`]+)`", row)
    }
    described |= set(re.findall(r"`([a-z_]+)`", TEXT))
    assert key in described


def yaml_blocks() -> list[tuple[str, str]]:
    """(file and number, text) of every YAML example that is a whole configuration."""
    blocks = []
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))):
        for number, text in enumerate(_YAML.findall(path.read_text(encoding="utf-8"))):
            if re.search(r"^(sites|store|mail|policy|defaults):", text, re.MULTILINE):
                blocks.append((f"{path.name}-{number}", text))
    return blocks


@pytest.mark.parametrize(("where", "text"), yaml_blocks(), ids=[where for where, _ in yaml_blocks()])
def test_every_example_loads(where: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "tagdrift.yaml"
    path.write_text(text, encoding="utf-8")
    secrets = dict.fromkeys(re.findall(r"env:([A-Z_]+)", text), "x")
    secrets["TAGDRIFT_STORE"] = "sqlite:///tagdrift.db"
    for name in re.findall(r"file:([\w./-]+)", text):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    for name in re.findall(r"\brules: \[?([\w./-]+)", text):
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
    load_config(path, environ=secrets, site_secrets=False)


def test_there_are_examples() -> None:
    assert len(yaml_blocks()) >= 3
