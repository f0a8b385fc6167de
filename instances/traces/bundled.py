"""Traces that come with splitfog: bandwidth of a 3G client in Norway's public transport."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from splitfog.instances.arguments import text
from splitfog.instances.lookup import look_up
from splitfog.instances.records import changed
from splitfog.instances.traces.importers.import_trace import import_trace
from splitfog.instances.traces.trace import Trace

FOLDER = Path(__file__).parents[1] / "data" / "norway-3g"

REFERENCE = (
    "H. Riiser, P. Vigmostad, C. Griwodz, P. Halvorsen, Commute path bandwidth traces from 3G "
    "networks, MMSys 2013; as in github.com/hongzimao/pensieve (MIT)"
)

LINK = ("device", "edge0")
"""Whose bandwidth they are, unless another link is asked for."""


@cache
def bundled_traces() -> tuple[str, ...]:
    """The names of the traces that come with splitfog.

    Each is the bandwidth of device -> edge0; `trace.on(link=...)` makes it another link's.

    Returns
    -------
    tuple of str
        `load_trace` takes them, and every command that takes a trace.
    """
    return tuple(sorted(path.name.replace("_", "-") for path in FOLDER.glob("norway_*")))


def bundled_trace(name: str) -> Trace:
    """The bundled trace of that name.

    Raises
    ------
    LookupError
        If there is none.
    """
    known = {known: FOLDER / known.replace("-", "_") for known in bundled_traces()}
    path = look_up(known, text("name", name, "a bundled trace's name"), "bundled trace")
    trace = import_trace(
        path, form="time-rate", unit="Mbit/s", link=LINK, directions="forward", name=name
    )
    return changed(trace, meta={**trace.meta, "reference": REFERENCE})
