"""CBC: a 0-1 program written by PuLP to a file, solved in a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Mapping
from contextlib import suppress
from math import inf
from typing import Any

import numpy as np
import pulp

from splitfog.formulations.deadline import Deadline, TimeIsUp
from splitfog.formulations.plan import StoppedBy
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.instances.records import changed
from splitfog.solvers.engines.result import ABSOLUTE_GAP, FEASIBILITY, LEAST_S, Call, MilpResult

GRACE_S = 5.0
"""Seconds that CBC has to write its solution after Ctrl-C."""
LATE_S = 0.2
"""Seconds that it has to write it after its time limit."""
CBC_SCALE = 2.0**12
"""By which CBC's objective is multiplied, since its log prints bounds with three decimals."""
CBC_ROOM = 1e-9
"""Relative room of rows for CBC, whose preprocessing takes a row that is just met for broken."""
DETERMINISTIC = 100
"""Added to CBC's number of threads, so that they do the same again."""
CBC_DIGIT = 1e-3 / CBC_SCALE
"""What those decimals may hide, more than half of the last one."""


def solve_by_cbc(program: LinearProgram, how: Call) -> MilpResult:
    """The best that CBC finds."""
    try:
        with warnings.catch_warnings():  # PuLP 3.3 announces what PuLP 4 will change
            warnings.simplefilter("ignore", DeprecationWarning)
            problem, solver = _pulp_problem(program, how.deadline), _Cbc(how)
            problem.solve(solver)
    except TimeIsUp:
        return MilpResult(None, -inf, stopped_by="time limit")
    return solver.result


class _Cbc(pulp.PULP_CBC_CMD):  # type: ignore[misc]
    """PuLP's CBC, in a process that a time limit or Ctrl-C ends; its bound stands in its log."""

    def __init__(self, how: Call) -> None:
        super().__init__(msg=False, gapRel=how.gap, gapAbs=ABSOLUTE_GAP)
        self.how, self.start = how, how.start
        self.result = MilpResult(None, -inf)

    def actualSolve(self, lp: Any, **_: Any) -> int:
        """Write the program, run CBC on it, read solution and log."""
        lp.setObjective(CBC_SCALE * lp.objective)
        with tempfile.TemporaryDirectory(prefix="splitfog-") as folder:
            names = lp.writeMPS(f"{folder}/program.mps", rename=1)[1]
            self.how.deadline.check("the program for CBC")
            position = {name: int(own[1:]) for own, name in names.items()}
            commands = self._commands(folder, {i: name for name, i in position.items()})
            self.result = _cbc_result(folder, position, self._run(commands, folder), self.how.gap)
        lp.assignStatus(pulp.LpStatusOptimal, pulp.LpSolutionOptimal)
        return int(pulp.LpStatusOptimal)

    def _commands(self, folder: str, names: dict[int, str]) -> list[str]:
        commands = [self.path, f"{folder}/program.mps"]
        if self.start:
            lines = [f"{i} {names[i]} {value} 0\n" for i, value in self.start.items()]
            with open(f"{folder}/start.mst", "w") as file:
                file.writelines(["Stopped on time - objective value 0\n", *lines])
            commands += ["-mips", f"{folder}/start.mst"]
        if self.how.deadline.remaining_s < inf:
            commands += ["-sec", f"{max(self.how.deadline.remaining_s, LEAST_S):.3f}"]
        commands += ["-ratio", f"{self.optionsDict['gapRel']}"]
        commands += ["-allow", f"{CBC_SCALE * self.optionsDict['gapAbs']}"]
        commands += ["-timeMode", "elapsed"]
        commands += ["-primalTolerance", f"{FEASIBILITY}", "-integerTolerance", f"{FEASIBILITY}"]
        commands += ["-randomCbcSeed", str(1 + self.how.seed % 10**8)]
        # its flow cover cuts remove solutions, optima too: https://github.com/coin-or/Cbc/issues/769
        commands += ["-flowCoverCuts", "off"]
        if self.how.threads:
            commands += ["-threads", str(DETERMINISTIC + self.how.threads)]
        commands += [] if self.how.presolved else ["-preprocess", "off"]
        return [
            *commands,
            "-solve",
            "-printingOptions",
            "all",
            "-solution",
            f"{folder}/program.sol",
        ]

    def _run(self, commands: list[str], folder: str) -> MilpResult:
        """Run CBC in its own session: on Ctrl-C it is asked to write its best, then killed."""
        stopped_by: StoppedBy = "finished"
        with open(f"{folder}/log", "w") as log:
            process = subprocess.Popen(
                commands, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        left = self.how.deadline.remaining_s
        try:
            process.wait(None if left == inf else max(left, LEAST_S) + LATE_S)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_S)
            stopped_by = "interrupted"
        except subprocess.TimeoutExpired:
            stopped_by = "time limit"
        finally:
            process.kill()
            process.wait()
        if self.how.deadline.is_over:
            stopped_by = "time limit"
        return MilpResult(None, -inf, stopped_by=stopped_by)


def _cbc_result(
    folder: str, position: Mapping[str, int], result: MilpResult, gap: float
) -> MilpResult:
    """What CBC wrote: the first line of its solution says why it stopped."""
    with open(f"{folder}/log") as file:
        log = file.read()
    result = changed(result, root=_cbc_root(log), nodes=_cbc_nodes(log))
    if not os.path.exists(f"{folder}/program.sol"):
        return changed(result, bound=_cbc_bound(log))
    with open(f"{folder}/program.sol") as file:
        first, *lines = file.read().splitlines() or [""]
    timely = result.stopped_by == "finished"
    if first.startswith(("Infeasible", "Integer infeasible")):
        return changed(result, bound=inf if timely else -inf, infeasible=timely)
    optimal = first.startswith("Optimal")
    objective = float(first.rsplit(maxsplit=1)[-1]) / CBC_SCALE if first else -inf
    bound = _cbc_bound(log)
    if optimal:
        bound = max(bound, objective - gap * abs(objective) - ABSOLUTE_GAP - 1e-8 / CBC_SCALE)
    if "no integer solution" in first or not first:
        return changed(result, bound=bound)
    values = np.zeros(len(position))
    for line in lines:
        name, value = line.replace("**", "").split()[1:3]
        if name in position:
            values[position[name]] = float(value)
    return changed(result, values=values, bound=bound, optimal=optimal)


def _cbc_bound(log: str) -> float:
    """The bound in CBC's summary, which has three decimals; -inf where there is none."""
    bounds = re.findall(r"^Lower bound: +(\S+)", log, re.MULTILINE)
    return float(bounds[-1]) / CBC_SCALE - CBC_DIGIT if bounds else -inf


def _cbc_root(log: str) -> float | None:
    """The bound after the cuts at the root, of which the log has five decimals."""
    found = re.search(r"^Cbc0013I At root node.* changed objective from \S+ to (\S+)", log, re.M)
    return None if found is None else float(found[1]) / CBC_SCALE - CBC_DIGIT


def _cbc_nodes(log: str) -> int:
    """How many nodes CBC says that it enumerated."""
    found = re.search(r"^Enumerated nodes: +(\d+)", log, re.M)
    return 0 if found is None else int(found[1])


def _pulp_problem(program: LinearProgram, deadline: Deadline) -> Any:
    """The program as PuLP has it; variable i is called x followed by eight digits.

    Bounds of rows, but for equations and those that are 0, are looser by `CBC_ROOM` of themselves.
    """
    problem = pulp.LpProblem("program", pulp.LpMinimize)
    columns = [
        pulp.LpVariable(f"x{i:08}", 0, None if upper == inf else upper, _CATEGORY[binary])
        for i, (upper, binary) in enumerate(zip(program.upper, program.is_binary))
    ]
    paid = [(columns[i], c) for i, c in enumerate(program.cost) if c]
    if not paid:  # PuLP would put a variable of its own, called __dummy, before all others
        columns.append(pulp.LpVariable(f"x{len(columns):08}", 0, 0))
        paid = [(columns[-1], 1.0)]
    problem.addVariables(columns)
    problem.setObjective(pulp.LpAffineExpression(paid))
    for row, lower, upper in zip(program.rows, program.row_lower, program.row_upper):
        deadline.check("the program for CBC")
        expression = pulp.LpAffineExpression([(columns[i], value) for i, value in row.items()])
        if lower == upper:
            problem.addConstraint(pulp.LpConstraint(expression, pulp.LpConstraintEQ, rhs=lower))
            continue
        if lower > -inf:
            least = lower - CBC_ROOM * abs(lower)
            problem.addConstraint(pulp.LpConstraint(expression, pulp.LpConstraintGE, rhs=least))
        if upper < inf:
            most = upper + CBC_ROOM * abs(upper)
            problem.addConstraint(pulp.LpConstraint(expression, pulp.LpConstraintLE, rhs=most))
    return problem


_CATEGORY = {True: pulp.LpInteger, False: pulp.LpContinuous}
