"""The exact program of `ilp` as a file for other solvers."""

from __future__ import annotations

import os
from math import log10

from splitfog.formulations.objective import Objective, objective_for
from splitfog.formulations.passes import of_pass
from splitfog.formulations.programs.names import program_names
from splitfog.formulations.programs.placement_build import placement_program
from splitfog.instances.arguments import path as path_of
from splitfog.instances.files import GivenInstance, instance_of
from splitfog.instances.readable import printable
from splitfog.solvers.base import SolverDeclined
from splitfog.solvers.exact.ilp import RELATIVE_GAP, homeless_layer

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
"""In which costs are written: the largest in which they are above 1, as engines like them."""


def write_program(
    instance: GivenInstance,
    path: str | os.PathLike[str],
    objective: str | Objective | None = None,
    transfers: str = "once",
    monotone: bool = True,
    pass_name: str | None = None,
    contiguous: str | None = None,
) -> float:
    """Write the 0-1 program whose optimum is that of all placements, with readable names.

    It is the program of `ilp` without what `ilp` leaves out of it for a plan that it knows. Its
    first line, a comment, says what is minimised in which unit.

    Parameters
    ----------
    instance
        What is placed, or the path of its file.
    path
        Of the file: `.lp` (CPLEX LP) or `.mps` (free MPS).
    objective, transfers, monotone, pass_name, contiguous
        What is minimised, `latency` or `period`; None as for `solve`: with two tasks or more
        `mean-latency`, for which there is no such program.

    Returns
    -------
    float
        Seconds that one unit of the objective is.

    Raises
    ------
    SolverDeclined
        For another objective.
    ValueError
        For another ending, and where a layer may be on no node.
    """
    instance, path = instance_of(instance), path_of("path", path)
    objective = objective_for(instance, objective, transfers, monotone, pass_name, contiguous)
    if objective.name not in RELATIVE_GAP:
        why = f"it writes latency and period as a program, not {objective.name}"
        raise SolverDeclined("ilp", why)
    if (fault := homeless_layer(instance, objective.transfers)) is not None:
        raise ValueError(f"{instance.name} has no program to write: {fault}")
    from splitfog.solvers.engines.program_file import write_linear_program

    instance = of_pass(instance, objective.pass_name)
    rough_s = placement_program(instance, objective).unit_s
    unit = _unit(rough_s)
    built = placement_program(instance, objective, unit_s=UNITS[unit])
    columns, rows = program_names(built)
    about = f"{printable(instance.name)}: {objective} in {unit}; layer@node is 1 if it is there"
    write_linear_program(built.program, columns, rows, about, path)
    return UNITS[unit]


def _unit(rough_s: float) -> str:
    """The name of the largest unit of which an answer of about this size has several."""
    fitting = [unit for unit, seconds in UNITS.items() if log10(rough_s) >= log10(seconds)]
    return fitting[0] if fitting else "ns"
