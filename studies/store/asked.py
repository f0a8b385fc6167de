"""The jobs that were asked for, noted in a store and read again."""

from __future__ import annotations

import os
from collections.abc import Mapping

import msgspec

from splitfog._version import __version__
from splitfog.formulations.objective import Objective
from splitfog.instances.files import as_read, parse_instance
from splitfog.instances.instance import Instance, encode_instance
from splitfog.instances.traces.files import parse_json_trace
from splitfog.instances.traces.trace import Trace, encode_trace
from splitfog.solvers.solve import info_of
from splitfog.studies.engine.jobs import Job
from splitfog.studies.replays.case import ReplayCase
from splitfog.studies.store.database import Store
from splitfog.studies.store.question import Question, StudyText
from splitfog.studies.store.records import AskedJob, AskedReplay, Kept


def ask(store: Store, question: Question) -> None:
    """Note jobs, with their keys, in the place of those that were asked for before.

    Those of another version of splitfog stay.

    Parameters
    ----------
    store
        That is to be written to.
    question
        Of a comparison.

    Raises
    ------
    ValueError
        Where the store is that of another study, or of no study while this one is, or the other
        way round.
    """
    _require_same_study(store, question.study)
    work = question.work
    notes = [
        AskedJob(
            place=place,
            problem=job.problem,
            instance_sha256=job.instance.sha256,
            file=job.instance.read_file,
            objective=msgspec.json.encode(job.objective).decode(),
            solver=_solver(job),
            options=msgspec.json.encode(dict(job.options), enc_hook=os.fspath).decode(),
            name=job.name,
            is_function=not isinstance(job.solver, str),
            seed=job.seed,
            time_limit_s=job.time_limit_s,
            memory_limit_bytes=job.memory_limit_bytes,
            shown=job.shown,
            baseline=question.baseline,
            splitfog_version=__version__,
            replay=None if job.replay is None else _asked_replay(job.replay),
        )
        for place, job in enumerate(work)
    ]
    instances = {job.instance.sha256: job.instance for job in work}
    contents = [Kept(content=encode_instance(each).decode()) for each in instances.values()]
    store.write("DELETE FROM asked WHERE splitfog_version = ?", [(__version__,)])
    store.insert("instances", contents, list(instances))
    cases = [job.replay for job in work if job.replay is not None]
    traces = {trace.sha256: trace for case in cases for trace in case.traces}
    store.insert("traces", [_kept(trace) for trace in traces.values()], list(traces))
    store.insert("asked", notes, [job.key for job in work])
    if question.study is not None:
        store.insert("study", [Kept(content=question.study.content)], [question.study.name])


def asked_for(store: Store) -> Question:
    """What a store was asked for last by this version.

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
        others = store.read("SELECT DISTINCT splitfog_version AS v FROM asked ORDER BY v")
        there = ", ".join(line["v"] for line in others)
        but = f", only of {there}" if there else ""
        raise ValueError(f"{store.path} holds no runs of splitfog {__version__}{but}")
    notes = [(line["key"], msgspec.convert(line, AskedJob, strict=False)) for line in lines]
    contents = {line["key"]: line["content"] for line in store.read("SELECT * FROM instances")}
    instances: dict[tuple[str, str | None], Instance] = {}
    for _, note in notes:
        origin = note.instance_sha256, note.file
        if origin not in instances:
            content = contents[note.instance_sha256].encode()
            read = parse_instance(content, note.file or str(store.path))
            instances[origin] = as_read(read, *origin)
    kept = store.read("SELECT * FROM traces")
    traces = {line["key"]: _trace(line["content"], line["key"], store) for line in kept}
    jobs = [
        _job(key, note, instances[note.instance_sha256, note.file], traces) for key, note in notes
    ]
    return Question(work=jobs, baseline=notes[0][1].baseline, study=_kept_study(store))


def _solver(job: Job) -> str:
    return str(job.solver) if job.replay is not None else info_of(job.solver).name


def _kept_study(store: Store) -> StudyText | None:
    kept = store.read("SELECT * FROM study")
    return StudyText(name=kept[0]["key"], content=kept[0]["content"]) if kept else None


def _require_same_study(store: Store, study: StudyText | None) -> None:
    kept = _kept_study(store)
    if kept is None and (study is None or not store.read("SELECT key FROM asked LIMIT 1")):
        return
    own, other = (_what(each) for each in (study, kept))
    if own != other:
        raise ValueError(f"{store.path} holds {other}, not {own}: another folder must be named")


def _what(study: StudyText | None) -> str:
    return "a comparison that is of no study" if study is None else f"the study {study.name}"


def _job(key: str, note: AskedJob, instance: Instance, traces: Mapping[str, Trace]) -> Job:
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
        replay=None if note.replay is None else _replay_case(note.replay, traces),
    )


def _asked_replay(case: ReplayCase) -> str:
    note = AskedReplay(
        traces=tuple(trace.sha256 for trace in case.traces),
        adapt=case.adapt,
        settings=dict(case.settings),
        vary=dict(case.vary),
    )
    return msgspec.json.encode(note).decode()


def _replay_case(note: str, traces: Mapping[str, Trace]) -> ReplayCase:
    asked = msgspec.json.decode(note, type=AskedReplay)
    return ReplayCase(
        traces=tuple(traces[sha256] for sha256 in asked.traces),
        adapt=asked.adapt,
        settings=asked.settings,
        vary=asked.vary,
    )


def _kept(trace: Trace) -> Kept:
    return Kept(content=encode_trace(trace).decode())


def _trace(content: str, sha256: str, store: Store) -> Trace:
    """The trace, whose hash is that of the file that it was once read from."""
    trace = parse_json_trace(content.encode(), str(store.path))
    object.__setattr__(trace, "read_sha256", sha256)
    return trace
