"""YAML of configurations, as users, mjlab and Isaac Lab write it -> plain data. Nothing is built or imported.

mjlab and Isaac Lab dump with PyYAML's full dumper, which has tags of Python for what YAML has no word for. Those of
data become what :func:`runners.plain.to_plain` makes of it; every other one is refused by its name.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import yaml

from runners.errors import UserError

PYTHON = "tag:yaml.org,2002:python/"
LARGEST = 1_000_000
"""Values that a file may have once its references are followed."""
SLICE = re.compile(r"slice\((None|-?\d+), ?(None|-?\d+), ?(None|-?\d+)\)")
"""How Isaac Lab writes a slice that has been through Hydra: utils/dict.py, ``replace_slices_with_strings``."""
NUMBERS = {"f": {2: "e", 4: "f", 8: "d"}, "i": {1: "b", 2: "h", 4: "i", 8: "q"}, "u": {1: "B", 2: "H", 4: "I", 8: "Q"}}
"""numpy's kinds of numbers and their sizes, in the letters of struct."""


class _Loader(yaml.SafeLoader):
    """YAML in which a key comes once; YAML takes the last one, and says nothing."""

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        if isinstance(node, yaml.MappingNode):
            seen: set[Any] = set()
            for key_node, _ in node.value:
                if key_node.tag == "tag:yaml.org,2002:merge":
                    continue
                key = self._key(key_node)
                if key in seen:
                    raise _error(f"the key '{key}' comes twice", key_node)
                seen.add(key)
            self.flatten_mapping(node)
        pairs = {}
        for key_node, value_node in node.value:
            pairs[self._key(key_node)] = self.construct_object(value_node, deep=True)
        # Isaac Lab's class_to_dict takes a member of an enum for a table of its attributes
        return pairs["_name_"] if {"_name_", "_value_"} <= set(pairs) else pairs

    def _key(self, node: Any) -> Any:
        key = _as_key(self.construct_object(node, deep=True))
        try:
            hash(key)
        except TypeError:
            raise _error("a table as a key", node) from None
        return key

    def whole(self, node: Any) -> Any:
        """Any node as the data that it would be without its tag."""
        if isinstance(node, yaml.MappingNode):
            return self.construct_mapping(node)
        if isinstance(node, yaml.SequenceNode):
            return [self.construct_object(item, deep=True) for item in node.value]
        return self.construct_scalar(node)


def _as_key(key: Any) -> Any:
    return tuple(map(_as_key, key)) if isinstance(key, list) else key


def _error(problem: str, node: Any) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _mapping(loader: _Loader, node: Any) -> Any:
    return loader.construct_mapping(node)


def _text(loader: _Loader, node: Any) -> Any:
    text = str(loader.construct_scalar(node))
    found = SLICE.fullmatch(text)
    return [None if word == "None" else int(word) for word in found.groups()] if found else text


def _set(loader: _Loader, node: Any) -> Any:
    return sorted(loader.construct_mapping(node), key=str)


def _whole(loader: _Loader, node: Any) -> Any:
    return loader.whole(node)


def _name(loader: _Loader, name: str, node: Any) -> str:
    """``module.Class.function`` -> ``module:Class.function``; a module's name has no capitals by convention."""
    parts = name.split(".")
    first = next((i for i, part in enumerate(parts[:-1]) if part[:1].isupper()), len(parts) - 1)
    return f"{'.'.join(parts[:first])}:{'.'.join(parts[first:])}" if first else name


def _call(loader: _Loader, name: str, node: Any) -> Any:
    """What pickle would call something for: data where it is known which, else refused."""
    told = loader.whole(node)
    told = told if isinstance(told, dict) else {"args": told}
    args = told.get("args", [])
    try:
        made = _data(name, args if isinstance(args, list) else [args], told)
    except (ValueError, TypeError, KeyError, IndexError, struct.error):
        made = NotImplemented
    if made is NotImplemented:
        raise _error(f"the tag '!!python/object/apply:{name}' is no data, and objects are not built", node)
    return made


def _data(name: str, args: list[Any], told: dict[str, Any]) -> Any:
    module, _, last = name.rpartition(".")
    if name in ("builtins.slice", "__builtin__.slice"):
        return [*[None] * (len(args) == 1), *args, None, None, None][:3]
    if name in ("builtins.set", "builtins.frozenset", "__builtin__.set", "__builtin__.frozenset"):
        return sorted(args[0] if args else [], key=str)
    if name == "builtins.getattr":  # a method of a class
        return f"{args[0]}.{args[1]}"
    if name == "functools.partial":
        function, given, keywords = told["state"][:3]
        return {"partial": function, "args": given, "keywords": keywords}
    if name in ("collections.OrderedDict", "collections.defaultdict"):
        return told.get("dictitems") or dict(args[0] if last == "OrderedDict" and args else [])
    if module.split(".")[0] == "pathlib":
        return str(PurePosixPath(*args))
    if module.split(".")[0] == "numpy":
        return _of_numpy(last, args, told)
    is_enum = len(args) == 1 and not isinstance(args[0], (list, dict)) and last[:1].isupper() and module
    return args[0] if is_enum and module.split(".")[0] not in sys.stdlib_module_names else NotImplemented


def _of_numpy(kind: str, args: list[Any], told: dict[str, Any]) -> Any:
    if kind == "dtype":
        return args[0]
    if kind == "scalar":
        return _numbers(args[0], args[1])[0]
    if kind == "_reconstruct":
        _, shape, dtype, columns_first, content = told["state"]
        return NotImplemented if columns_first and len(shape) > 1 else _shaped(_numbers(dtype, content), shape)
    return NotImplemented


def _numbers(dtype: str, content: bytes) -> list[Any]:
    """Numbers of one type such as ``f8``, as a machine of today has them: little-endian."""
    size = int(dtype[1:])
    letter = "?" if dtype == "b1" else NUMBERS[dtype[0]][size]
    return list(struct.unpack(f"<{len(content) // size}{letter}", content))


def _shaped(values: list[Any], shape: list[int]) -> Any:
    for size in reversed(shape[1:]):
        values = [values[i : i + size] for i in range(0, len(values), size)]
    return values if shape else values[0]


def _other(loader: _Loader, suffix: str, node: Any) -> Any:
    raise _error(f"the tag '!!python/{suffix}' is no data, and objects are not built", node)


def _unknown(loader: _Loader, node: Any) -> Any:
    raise _error(f"the tag '{node.tag}' is not known", node)


def _prepare() -> None:
    plain: dict[str, Callable[[Any, Any], Any]] = {
        "tag:yaml.org,2002:map": _mapping,
        "tag:yaml.org,2002:str": _text,
        "tag:yaml.org,2002:set": _set,
        f"{PYTHON}tuple": _whole,
        f"{PYTHON}list": _whole,
        f"{PYTHON}dict": _mapping,
        f"{PYTHON}str": _text,
        f"{PYTHON}unicode": _text,
        f"{PYTHON}none": yaml.SafeLoader.construct_yaml_null,
        f"{PYTHON}bool": yaml.SafeLoader.construct_yaml_bool,
        f"{PYTHON}int": yaml.SafeLoader.construct_yaml_int,
        f"{PYTHON}long": yaml.SafeLoader.construct_yaml_int,
        f"{PYTHON}float": yaml.SafeLoader.construct_yaml_float,
    }
    for tag, construct in plain.items():
        _Loader.add_constructor(tag, construct)
    _Loader.add_constructor(None, _unknown)
    _Loader.add_multi_constructor(PYTHON, _other)
    for prefix, called in (("name:", _name), ("object/apply:", _call), ("object/new:", _call)):
        _Loader.add_multi_constructor(PYTHON + prefix, called)
    # the first prefix that fits is taken, so the general one goes last
    _Loader.yaml_multi_constructors[PYTHON] = _Loader.yaml_multi_constructors.pop(PYTHON)


_prepare()


def _count(node: Any, known: dict[int, int], above: set[int]) -> int:
    """Values below a node, those that it refers to counted each time."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) in above:
        raise _error("a part that contains itself", node)
    if id(node) not in known:
        above.add(id(node))
        items = [i for pair in node.value for i in pair] if isinstance(node, yaml.MappingNode) else node.value
        known[id(node)] = 1 + sum(_count(item, known, above) for item in items)
        above.remove(id(node))
        if known[id(node)] > LARGEST:
            raise _error(f"more than {LARGEST:,} values, by references to references", node)
    return known[id(node)]


def parse(text: str) -> Any:
    """Read one YAML document.

    Raises:
        yaml.YAMLError: it is none, has a key twice, or a tag that is no data.
        RecursionError: it is nested without end.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _count(node, {}, set())
        return loader.construct_document(node)
    finally:
        loader.dispose()


def load(path: Path) -> Any:
    """Read a YAML file without building objects.

    Raises:
        UserError: it is missing, no text, or no YAML; with the line.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f" in line {mark.line + 1}" if mark else ""
        problem = error.problem or "it is no YAML"
        if "\\t" in problem:
            problem = "a tab where YAML wants spaces"
        raise UserError(f"cannot read '{path}': {problem}{line}") from None
    except OSError as error:
        raise UserError(f"cannot read '{path}': {error.strerror}") from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"cannot read '{path}': it is no text in UTF-8 ({type(error).__name__})") from None
    except (RecursionError, ValueError) as error:  # ValueError: a date that is none, and the like
        what = "it is nested too deeply" if isinstance(error, RecursionError) else f"{error}"
        raise UserError(f"cannot read '{path}': {what}") from None
