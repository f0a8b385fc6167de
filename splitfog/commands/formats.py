"""Foreign formats on the command line: the list of them, as `import` and `export` give it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from splitfog.commands.shell import put

if TYPE_CHECKING:
    from splitfog.instances.plugins.format import Format, Formats


def put_formats(formats: Formats) -> None:
    """Write what formats there are, with their files and options."""
    put("\n\n".join("\n".join(_lines(each)) for each in formats.all()) + "\n")


def _lines(one: Format) -> list[str]:
    from splitfog.instances.plugins.found import OURS

    origin = "" if one.origin == OURS else f" (from {one.origin})"
    lines = [f"{one.name}{origin}: {one.summary}"]
    if one.files:
        lines.append(f"  files   {' '.join(one.files)}")
    for name, option in one.options.items():
        default = "none" if option.default is None else option.default
        lines.append(f"  option  {name}={default}  {option.help}: {option.allowed}")
    if one.per_node:
        lines.append(f"  option  NODE=...  {one.per_node}")
    return lines
