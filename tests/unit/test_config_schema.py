"""The schema for editors, the loader's values and the manual say the same."""

import dataclasses
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scanner.config import load_config
from scanner.config_schema import config_schema
from scanner.config_site import duration_ms, size_bytes
from scanner.model import HttpCredentials, Profile, Retention, SiteConfig, VisitLimits

SCHEMA: dict[str, Any] = dict(config_schema())
MANUAL = (Path(__file__).parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
GROUPS = [("site", SiteConfig), ("profile", Profile), ("limits", VisitLimits), ("retention", Retention)]


def test_it_is_a_valid_schema_with_a_description_for_every_key() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    for name, schema in keys(SCHEMA):
        assert "$ref" in schema or schema.get("description"), name


def keys(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key that can stand in a configuration, with its schema."""
    if isinstance(schema, dict):
        properties = schema.get("properties")
        if isinstance(properties, dict):
            yield from properties.items()
        for part in schema.values():
            yield from keys(part)


@pytest.mark.parametrize(("group", "values"), GROUPS)
def test_every_field_has_its_key_with_its_default(group: str, values: type[Any]) -> None:
    properties = SCHEMA["$defs"][group]["properties"]
    fields = {field.name: field for field in dataclasses.fields(values)}
    by_key = {re.sub(r"_(?:ms|s|bytes)$", "", name) if name not in properties else name: name for name in fields}
    assert by_key.keys() == properties.keys()
    for key, name in by_key.items():
        if "default" in properties[key]:
            assert in_units(properties[key]["default"], name) == plain(fields[name].default), key


def in_units(value: Any, field: str) -> Any:
    if not isinstance(value, str):
        return value
    if field.endswith("_bytes"):
        return size_bytes(value)
    if field.endswith(("_ms", "_s")):
        return duration_ms(value) // (1 if field.endswith("_ms") else 1000)
    return value


def plain(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value


def test_credentials_and_defaults_follow_the_values() -> None:
    site = SCHEMA["$defs"]["site"]["properties"]
    fields = {field.name for field in dataclasses.fields(HttpCredentials)}
    assert site["http_credentials"]["properties"].keys() == fields
    assert SCHEMA["properties"]["defaults"]["properties"].keys() == site.keys() - {"name", "start"}


@pytest.mark.parametrize("key", sorted({name for name, _ in keys(SCHEMA)}))
def test_every_key_is_described_in_the_manual(key: str) -> None:
    assert f"`{key}`" in MANUAL


def test_defaults_in_the_manual_are_those_of_the_schema() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| `([^`]+)` \|", MANUAL, re.MULTILINE))
    compared = 0
    for name, schema in keys(SCHEMA):
        if name in rows and "default" in schema and not rows[name].startswith("preset"):
            default = schema["default"]
            text = (
                str(default).lower()
                if isinstance(default, bool)
                else f"{default:g}"
                if isinstance(default, float)
                else str(default)
            )
            assert rows[name] == text, name
            compared += 1
    assert compared > 30


SNIPPETS = re.findall(r"^```yaml\n(.*?)^```", MANUAL, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_examples_of_the_manual_load(tmp_path: Path, number: int) -> None:
    path = tmp_path / "tagdrift.yaml"
    path.write_text(SNIPPETS[number], encoding="utf-8")
    environ = {"TAGDRIFT_STORE": "postgresql+psycopg://u:p@h/n"}
    environ |= dict.fromkeys(("STAGING_PASSWORD", "PREVIEW_TOKEN", "SMTP_PASSWORD", "TEAMS_URL"), "secret")
    assert load_config(path, environ=environ, mail_secrets=True).sites
