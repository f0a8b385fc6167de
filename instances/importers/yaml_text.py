"""YAML as plain data: its safe subset, without what could make a small file large.

Needs PyYAML (`pip install splitfog[yaml]`). Keys that stand twice, anchors and aliases are refused.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from splitfog.instances.defects import InstanceError
from splitfog.instances.importers.reading import refuse, require_shallow, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMBER = re.compile(r"[-+]?(\d+|\d+\.\d*|\.\d+)([eE][-+]?\d+)?")
"""Of YAML 1.2: PyYAML takes `1e-3` for a text."""


def read_yaml(path: Path) -> Mapping[Any, Any]:
    """The mapping in a YAML file, `.gz` or not.

    Parameters
    ----------
    path
        Of the file.

    Raises
    ------
    InstanceError
        If it is none.
    ModuleNotFoundError
        Without PyYAML.
    """
    yaml = _yaml()
    text = text_of(path)
    try:
        data = yaml.load(text, _loader(yaml))
    except RecursionError:
        raise InstanceError(str(path), ["not usable YAML: nested too deeply"]) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f" in line {mark.line + 1}"
        what = getattr(error, "problem", None) or " ".join(str(error).split())
        raise InstanceError(str(path), [f"not YAML{where}: {what}"]) from None
    except ValueError as error:  # of a number or a date that is none
        raise InstanceError(str(path), [f"not YAML: {error}"]) from None
    require_shallow(data, path)
    if not isinstance(data, dict):
        raise refuse(path, "the file", data, "a mapping")
    return data


def _yaml() -> Any:
    try:
        import yaml
    except ModuleNotFoundError:
        raise ModuleNotFoundError("YAML files need PyYAML: pip install 'splitfog[yaml]'") from None
    return yaml


def _loader(yaml: Any) -> type[Any]:
    """A safe loader that refuses what is said above."""

    class Loader(yaml.SafeLoader):  # type: ignore[misc]
        def compose_node(self, parent: Any, index: Any) -> Any:
            event = self.peek_event()
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                problem = f"anchor or alias {event.anchor}, must be written out"
                raise yaml.composer.ComposerError(None, None, problem, event.start_mark)
            return super().compose_node(parent, index)

        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: set[Any] = set()
            for key, _ in node.value:
                name = self.construct_object(key, deep=True)
                if not isinstance(name, str | int | float) or name in seen:
                    problem = f"key {name!r}, must be a text that stands once"
                    raise yaml.constructor.ConstructorError(None, None, problem, key.start_mark)
                seen.add(name)
            return super().construct_mapping(node, deep)

    Loader.add_implicit_resolver(
        "tag:yaml.org,2002:float", re.compile(f"{NUMBER.pattern}$"), list("-+.0123456789")
    )
    return Loader
