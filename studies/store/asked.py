"""The jobs that were asked for, noted in a store and read again."""

from __future__ import annotations

import os
from collections.abc import Sequence

import msgspec

from splitfog._version import __version__
from splitfog.formulations.objective import Objective
from splitfog.instances.files import as_read, parse_instance
from splitfog.instances.instance import Instance, encode_instance
from splitfog.solvers.solve import info_of
from splitfog.studies.engine.jobs import Job
from splitfog.studies.store.database import Store
from splitfog.studies.store.records import AskedJob, Kept


def ask(store: Store, work: Sequence[Job], baseline: str) -> None:
    """Note jobs, with their keys, in the place of those that were asked for before.

    Those of another version of splitfog stay.

    Parameters
    ----------
    store
        That is to be written to.
    work, baseline
        Of a comparison.
    """
    notes = [
        AskedJob(
            place=place,
            problem=job.problem,
            instance_sha256=job.instance.sha256,
            file=job.instance.read_file,
            objective=msgspec.json.encode(job.objective).decode(),
            solver=info_of(job.solver).name,
            options=msgspec.json.encode(dict(job.options), enc_hook=os.fspath).decode(),
            name=job.name,
            is_function=not isinstance(job.solver, str),
            seed=job.seed,
            time_limit_s=job.time_limit_s,
            memory_limit_bytes=job.memory_limit_bytes,
            shown=job.shown,
            baseline=baseline,
            splitfog_version=__version__,
        )
        for place, job in enumerate(work)
    ]
    instances = {job.instance.sha256: job.instance for job in work}
    contents = [Kept(content=encode_instance(each).decode()) for each in instances.values()]
    store.write("DELETE FROM asked WHERE splitfog_version = ?", [(__version__,)])
    store.insert("instances", contents, list(instances))
    store.insert("asked", notes, [job.key for job in work])


def asked_for(store: Store) -> tuple[list[Job], str]:
    """The jobs of this version that a store was asked for last, and their baseline.

    Parameters
    ----------
    store
        That is to be read.

    Raises
    ------
    ValueError
        Where there is none.
    """
    lines = store.read(
        "SELECT * FROM asked WHERE splitfog_version = ? ORDER BY place", (__version__,)
    )
    if not lines:
        raise ValueError(f"{store.path} holds no runs of splitfog {__version__}")
    notes = [(line["key"], msgspec.convert(line, AskedJob, strict=False)) for line in lines]
    contents = {line["key"]: line["content"] for line in store.read("SELECT * FROM instances")}
    instances: dict[tuple[str, str | None], Instance] = {}
    for _, note in notes:
        origin = note.instance_sha256, note.file
        if origin not in instances:
            content = contents[note.instance_sha256].encode()
            read = parse_instance(content, note.file or str(store.path))
            instances[origin] = as_read(read, *origin)
    jobs = [_job(key, note, instances[note.instance_sha256, note.file]) for key, note in notes]
    return jobs, notes[0][1].baseline


def _job(key: str, note: AskedJob, instance: Instance) -> Job:
    return Job(
        problem=note.problem,
        instance=instance,
        objective=msgspec.json.decode(note.objective, type=Objective),
        solver=note.solver,
        options=msgspec.json.decode(note.options),
        name=note.name,
        seed=note.seed,
        time_limit_s=note.time_limit_s,
        memory_limit_bytes=note.memory_limit_bytes,
        shown=note.shown,
        key=key,
    )
