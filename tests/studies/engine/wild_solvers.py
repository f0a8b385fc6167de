"""Solvers that do what none should: functions, as another process is handed them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import Any

import splitfog as sf

Placements = dict[str, dict[str, str]]


def tame(instance: sf.Instance, objective: Any) -> Placements:
    """Everything where the data is."""
    models = {model.name: model for model in instance.models}
    return {
        task.name: {layer.name: str(task.source) for layer in models[task.model].layers}
        for task in instance.tasks
    }


def crash(instance: sf.Instance, objective: Any) -> Placements:
    """As a segmentation fault ends a process."""
    os.kill(os.getpid(), signal.SIGSEGV)
    return tame(instance, objective)


def leave(instance: sf.Instance, objective: Any) -> Placements:
    """As an engine may that thinks the process is its own."""
    os._exit(3)


def hang(instance: sf.Instance, objective: Any) -> Placements:
    """It hears no signal and waits for no lock."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    while True:
        pass


def eat(instance: sf.Instance, objective: Any) -> Placements:
    """A gigabyte, in a process of its own, which is there at once."""
    child = os.fork()
    if child == 0:
        held = [b"x" * 200_000_000 for _ in range(5)]
        time.sleep(600)
        os._exit(len(held))
    os.waitpid(child, 0)
    return tame(instance, objective)


def stray(instance: sf.Instance, objective: Any) -> Placements:
    """It leaves a program in a session of its own, as CBC has one, and crashes."""
    start_program(instance.meta["seconds"])
    return crash(instance, objective)


def busy(instance: sf.Instance, objective: Any) -> Placements:
    """It waits for a program in a session of its own."""
    start_program(instance.meta["seconds"])
    time.sleep(600)
    return tame(instance, objective)


def counted(instance: sf.Instance, objective: Any) -> Placements:
    """It writes down that it ran, and may take its time."""
    with open(instance.meta["log"], "a") as log:
        log.write(f"{os.getpid()}\n")
    time.sleep(instance.meta.get("pause", 0))
    return tame(instance, objective)


def start_program(seconds: str) -> None:
    """One that is told from others by how long it takes."""
    subprocess.Popen(["sleep", seconds], start_new_session=True)
