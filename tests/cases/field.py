"""Inputs that broke or misled splitfog once; `data/field/INDEX.md` says what is right, and why."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from splitfog.formulations.plan import load_plan
from splitfog.formulations.plan_file import PlanFile
from splitfog.instances.files import load_instance
from splitfog.instances.instance import Instance

FOLDER = Path(__file__).parents[1] / "data" / "field"


@cache
def instance(name: str) -> Instance:
    """The instance of that name."""
    return load_instance(FOLDER / f"{name}.json")


def plan(name: str) -> PlanFile:
    """The plan that lies beside the instance of that name."""
    return load_plan(plan_path(name))


def plan_path(name: str) -> Path:
    """Where that plan lies, for the option `stages=PLAN`."""
    return FOLDER / f"{name}.plan.json"
