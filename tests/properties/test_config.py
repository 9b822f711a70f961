"""Whatever stands in the file: frozen values or problems, never anything else."""

import tempfile
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.config import Config, load_config
from scanner.config_schema import config_schema
from scanner.errors import ProblemsError

SCHEMA = dict(config_schema())
AWKWARD = st.sampled_from(
    ["", "env:X", "file:/", "30s", "https://a.example", "* 127.0.0.1:1", "/a*", "a@b.c", "none", "\x85", "9" * 5000]
)  # fmt: skip
scalars = st.none() | st.booleans() | st.integers() | st.floats() | AWKWARD | st.text(max_size=8)


def shaped(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that look as the schema says, mostly."""
    if "$ref" in schema:
        return shaped(SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]])
    if "enum" in schema:
        return st.sampled_from(schema["enum"]) | scalars
    if "properties" in schema:
        return st.fixed_dictionaries({}, optional={key: shaped(part) for key, part in schema["properties"].items()})
    if "items" in schema:
        return st.lists(shaped(schema["items"]), max_size=3) | scalars
    return scalars


@settings(max_examples=80, deadline=None)
@given(shaped(SCHEMA))
def test_any_file_gives_values_or_problems(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tagdrift.yaml"
        path.write_text(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), encoding="utf-8")
        try:
            config = load_config(path, environ={"X": "https://a.example"}, mail_secrets=True)
        except ProblemsError as error:
            assert error.problems and all(problem.message for problem in error.problems)
        else:
            assert isinstance(config, Config)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=200) | st.text("{}[]&*<>:-,#|!?'\"\n a", max_size=60))
def test_any_text_gives_values_or_problems(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tagdrift.yaml"
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            config = load_config(path, environ={})
        except ProblemsError as error:
            assert error.problems
        else:
            assert isinstance(config, Config)
