"""What makes two jobs the same: all that decides what comes out, as a hash."""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from splitfog._version import __version__
from splitfog.instances.records import changed
from splitfog.solvers.functions import Function
from splitfog.studies.engine.jobs import Job, plugin_of
from splitfog.studies.replays.case import ReplayCase


def with_keys(work: Sequence[Job]) -> list[Job]:
    """Jobs, each with the sha256 of all that its outcome hangs on as its key.

    That is instance, solver or replay, seed, limits and versions. A function is told from others by
    its module, name and text, not by what it calls.

    Parameters
    ----------
    work
        Whose solvers, if they are functions, can be pickled.

    Returns
    -------
    list of Job
        With keys of 64 hexadecimal digits.

    Raises
    ------
    ValueError
        For a function of which no text can be had.
    """
    functions = {id(job.solver): job.solver for job in work if not isinstance(job.solver, str)}
    hashes = {name: _text_hash(function) for name, function in functions.items()}
    return [changed(job, key=_key(job, hashes.get(id(job.solver)))) for job in work]


def _key(job: Job, function: str | None) -> str:
    what = {
        "instance": job.instance.sha256,
        "objective": msgspec.to_builtins(job.objective),
        "solver": job.solver_name,
        "options": dict(job.options),
        "function": function,
        "seed": job.seed,
        "time_limit_s": job.time_limit_s,
        "memory_limit_bytes": job.memory_limit_bytes,
        "splitfog": __version__,
        "plugin": plugin_of(job),
        "replay": None if job.replay is None else _replay(job.replay),
    }
    return hashlib.sha256(msgspec.json.encode(what, order="sorted", enc_hook=os.fspath)).hexdigest()


def _replay(case: ReplayCase) -> dict[str, Any]:
    return {
        "traces": case.sha256,
        "adapt": case.adapt,
        "settings": dict(case.settings),
        "vary": dict(case.vary),
    }


def _text_hash(function: Function) -> str:
    inner: Any = function
    while isinstance(inner, partial):
        inner = inner.func
    try:
        text = inspect.getsource(inner if inspect.isroutine(inner) else type(inner))
    except (OSError, TypeError):
        raise ValueError(
            f"solver {function!r} has no text by which a store could tell its versions apart: "
            "define it in a file, or use no store"
        ) from None
    return hashlib.sha256(pickle.dumps(function) + text.encode()).hexdigest()
