"""YAML of configurations: what Python's dumpers write is data, nothing is built, and every mistake is one line."""

from __future__ import annotations

import collections
import enum
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from runners import yaml_file
from runners.errors import UserError


class Origin(enum.Enum):
    WORLD = 4


@pytest.mark.parametrize(
    ("value", "data"),
    [
        ((1, (2, "x")), [1, [2, "x"]]), ({(1, 2): 3}, {(1, 2): 3}), (slice(None), [None, None, None]),
        (slice(3), [None, 3, None]), (slice(1, 9, 2), [1, 9, 2]), (Origin.WORLD, 4), ({2, 1}, [1, 2]),
        (frozenset({1}), [1]), (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(list, {"a": [1]}), {"a": [1]}), (Path("/a/b"), "/a/b"), (np.float64(1.5), 1.5),
        (np.float32(2.5), 2.5), (np.int64(-7), -7), (np.uint8(7), 7), (np.bool_(True), True),
        (np.arange(6.0).reshape(2, 3), [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]), (np.array([1, 2]), [1, 2]),
        (functools.wraps, "functools:wraps"), (Path.home, "pathlib:Path.home"), (Origin, f"{__name__}:Origin"),
        ("slice(None,None,2)", [None, None, 2]), ("slice of bread", "slice of bread"), (b"ab", b"ab"),
        (functools.partial(max, 1, k=2), {"partial": "builtins:max", "args": [1], "keywords": {"k": 2}}),
    ],
)  # fmt: skip
def test_what_pythons_dumper_writes(value: Any, data: Any) -> None:
    assert yaml_file.parse(yaml.dump({"field": value})) == {"field": data}


def test_a_members_attributes_as_isaac_lab_dumps_them() -> None:
    assert yaml_file.parse("a: {_value_: 4, _name_: WORLD, _sort_order_: 0}") == {"a": "WORLD"}


def test_names_of_functions_in_classes_and_lambdas() -> None:
    text = "[!!python/name:mjlab.entity.entity.%3Clambda%3E '', !!python/name:a.b.Class.method '']"
    assert yaml_file.parse(text) == ["mjlab.entity.entity:<lambda>", "a.b:Class.method"]


@pytest.mark.parametrize(
    "tag",
    [
        "object/apply:os.system", "object/apply:subprocess.Popen", "object/apply:builtins.eval",
        "object/new:subprocess.Popen", "object:a.B", "module:os", "object/apply:torch._utils._rebuild_tensor_v2",
        "complex", "object/apply:numpy.load", "object/apply:builtins.getattr",
    ],
)  # fmt: skip
def test_nothing_is_built(tmp_path: Path, tag: str) -> None:
    file, mark = tmp_path / "agent.yaml", tmp_path / "mark"
    content = "{a: 1}" if tag == "object:a.B" else f'["touch {mark}"]' if "apply" in tag or "new" in tag else "''"
    file.write_text(f"a: 1\nb: !!python/{tag} {content}\n")
    with pytest.raises(UserError) as caught:
        yaml_file.load(file)
    assert str(caught.value).startswith(
        f"cannot read '{file}': the tag '!!python/{tag.replace('new', 'apply')}' is no data"
    )
    assert str(caught.value).endswith("in line 2") and not mark.exists()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\nb: {c: 1,\n c: 2}", "the key 'c' comes twice in line 3"), ("a: !own 1", "the tag '!own' is not known"),
        ("a: &x [*x]", "a part that contains itself"), ("[" * 3000, "nested too deeply"), ("? {a: 1}\n: 2", "as a key"),
        ("a: 2020-13-45", "month must be"), ("a:\n\t- 1", "a tab"), ("a: [1", "in line 1"),
        ("? !!python/tuple [{a: 1}]\n: 1", "as a key"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "agent.yaml").write_text(text)
    with pytest.raises(UserError, match=says) as caught:
        yaml_file.load(tmp_path / "agent.yaml")
    assert "\n" not in str(caught.value)


def test_references_to_references_do_not_hang(tmp_path: Path) -> None:
    rows = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12))]
    (tmp_path / "agent.yaml").write_text("\n".join(rows))
    with pytest.raises(UserError, match="by references to references"):
        yaml_file.load(tmp_path / "agent.yaml")


def test_merged_keys_are_no_duplicates() -> None:
    assert yaml_file.parse("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4}], w: 5}") == {
        "a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}, "c": {"x": 1, "y": 2, "z": 4, "w": 5},
    }  # fmt: skip
