"""Laws of the container reader: whatever the text, it answers; order and numbering never count."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rules.container import compare_containers, read_container
from rules.container_literal import read_literal

leaves = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20)
)
literals = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)
references = st.builds(lambda n: ["macro", n], st.integers(-2, 6))
values = st.recursive(
    leaves | references,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: ["template", *parts])
        | st.lists(inner, max_size=3).map(lambda parts: ["list", *parts])
        | st.lists(inner, max_size=4).map(lambda parts: ["map", *parts])
        | inner.map(lambda part: ["escape", part, 8, 16])
    ),
    max_leaves=8,
)
functions = st.sampled_from(
    ["__html", "__gaawe", "__awct", "__paused", "__img", "__cvt_1_2", "__ogt_1p_data_v2", "__ccd_auto_redact", "__sdl"]
)
keys = st.sampled_from(
    ["vtp_html", "vtp_url", "vtp_tagId", "vtp_eventName", "vtp_map", "vtp_isEnabled", "vtp_settingsTable"]
)
tags = st.builds(
    lambda function, entries: {"function": function, **entries}, functions, st.dictionaries(keys, values, max_size=4)
)
macros = st.builds(
    lambda function, entries: {"function": function, **entries},
    st.sampled_from(["__e", "__c", "__smm", "__u", "__v", "__jsm", "__aev", "__k", "__gas"]),
    st.dictionaries(
        st.sampled_from(["vtp_value", "vtp_map", "vtp_name", "vtp_input", "vtp_javascript"]), values, max_size=3
    ),
)
predicates = st.builds(
    lambda function, left, right: {"function": function, "arg0": left, "arg1": right},
    st.sampled_from(["_eq", "_cn", "_re", "_zz"]),
    references,
    values,
)
clauses = st.builds(
    lambda kind, numbers: [kind, *numbers],
    st.sampled_from(["if", "unless", "add", "block"]),
    st.lists(st.integers(-1, 6)),
)
resources = st.fixed_dictionaries(
    {
        "version": leaves,
        "macros": st.lists(macros | literals, max_size=6),
        "tags": st.lists(tags | literals, max_size=6),
        "predicates": st.lists(predicates | literals, max_size=6),
        "rules": st.lists(st.lists(clauses, max_size=4) | literals, max_size=6),
    }
)


@settings(deadline=None, max_examples=150)
@given(resources, literals, literals)
def test_every_container_is_read_and_equals_itself(resource: dict[str, Any], permissions: Any, runtime: Any) -> None:
    js = "var data = " + json.dumps({"resource": resource, "permissions": permissions, "runtime": runtime}) + ";"
    container = read_container(js)
    assert container is not None
    assert container.complete
    assert compare_containers(container, container) == ()
    assert container == read_container(js.encode())


@settings(deadline=None, max_examples=100)
@given(resources, st.data())
def test_a_cut_off_container_never_shows_what_the_whole_one_lacks(
    resource: dict[str, Any], data: st.DataObject
) -> None:
    js = "a=" + json.dumps({"resource": resource})
    cut = read_container(js[: data.draw(st.integers(0, len(js) - 2))])
    whole = read_container(js)
    assert whole is not None
    if cut is not None:
        assert not cut.complete
        assert {(tag.index, tag.function) for tag in cut.tags} <= {(tag.index, tag.function) for tag in whole.tags} | {
            (tag.index, tag.function) for tag in cut.tags if tag.function == "__paused"
        }


@settings(deadline=None, max_examples=100)
@given(st.lists(tags, max_size=6), st.randoms(use_true_random=False))
def test_the_order_of_tags_never_is_a_change(listed: list[dict[str, Any]], random: Any) -> None:
    order = list(range(len(listed)))
    random.shuffle(order)
    before = {"version": "1", "macros": [], "tags": listed, "predicates": [], "rules": []}
    after = {**before, "tags": [listed[place] for place in order]}
    old, new = (read_container(json.dumps({"resource": each})) for each in (before, after))
    assert old is not None
    assert new is not None
    assert compare_containers(old, new) == ()


@settings(deadline=None)
@given(literals)
def test_the_tolerant_reader_reads_json(value: Any) -> None:
    read = read_literal(json.dumps(value, ensure_ascii=False))
    assert read.complete
    assert read.value == value


@settings(deadline=None, max_examples=200)
@given(
    st.text(),
    st.lists(st.sampled_from(['"resource":{', '"tags":[', "{", "}", "[", "]", '"', "'", "\\", ",", "!0", "x:", "1e9"])),
)
def test_no_text_makes_the_reader_raise(noise: str, pieces: list[str]) -> None:
    read_container("".join(pieces) + noise)
    read_container(noise.join(pieces))
    read_container(noise.encode("utf-16", "surrogatepass"))
