"""What is embedded into the page: its style and its scripts, from the files of `assets`.

Tabulator's are `dist/js/tabulator.min.js` and `dist/css/tabulator_simple.min.css` of its package
tabulator-tables 6.5.3 (MIT), but for their last lines, which name maps of their sources.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files

LICENCE = "tabulator-LICENSE.txt"
STYLES = ("tabulator.min.css", "page.css")
SCRIPTS = (
    "tabulator.min.js",
    "unpack.js",
    "words.js",
    "sorted.js",
    "dag.js",
    "timeline.js",
    "plan.js",
    "runs.js",
    "page.js",
)
"""In the order in which they are needed."""


@cache
def asset(name: str) -> str:
    """The text of a file.

    Parameters
    ----------
    name
        `LICENCE`, or one of `STYLES` or `SCRIPTS`.
    """
    return files(__package__).joinpath("assets", name).read_text(encoding="utf-8")


def policy() -> str:
    """What browsers let the page do: run these scripts and no others, and load nothing at all."""
    hashes = " ".join(f"'sha256-{_digest(asset(name))}'" for name in SCRIPTS)
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}"


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
