"""What makes two jobs the same: all that decides what comes out, as a hash."""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
from functools import partial
from typing import Any

import msgspec

from splitfog._version import __version__
from splitfog.solvers.functions import Function
from splitfog.studies.engine.jobs import Job, plugin_of
from splitfog.studies.replays.case import ReplayCase


def job_key(job: Job) -> str:
    """The sha256 of all that a job's outcome hangs on: instance, solver or replay, seed, versions.

    A function is told from others by its module, name and text, not by what it calls.

    Parameters
    ----------
    job
        Whose solver, if it is a function, can be pickled.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    ValueError
        For a function of which no text can be had.
    """
    what = {
        "instance": job.instance.sha256,
        "objective": msgspec.to_builtins(job.objective),
        "solver": job.solver_name,
        "options": dict(job.options),
        "function": None if isinstance(job.solver, str) else _text_hash(job.solver),
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
