"""0-1 programs through PuLP: CBC or HiGHS, with time limit, dual bound, start and Ctrl-C.

What PuLP leaves to the caller is done here: its status says Optimal after a time limit, HiGHS
keeps its bound in its own info and CBC in its log, and neither stops cleanly on Ctrl-C.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import KW_ONLY, dataclass
from math import inf, isfinite
from queue import SimpleQueue
from typing import Any, Literal

import highspy
import numpy as np
import pulp
from numpy.typing import NDArray

from splitfog.formulations.plan import StoppedBy
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.formulations.tolerances import BOUND_SLACK
from splitfog.instances.records import changed

Engine = Literal["cbc", "highs"]
Watch = Callable[[NDArray[np.float64] | None, float], None]
"""Called with the columns of a better solution (None: there is none) and a bound for all."""
FEASIBILITY = 1e-7
"""By how much an engine may break a row: coefficients should be near 1."""
ABSOLUTE_GAP = 1e-11
"""At which an engine stops, whatever the relative gap: for optima of 0."""
DOUBT = 3 * FEASIBILITY
"""What is taken off an engine's bound beside `BOUND_SLACK`: HiGHS looks for nothing that is better
by less than `FEASIBILITY`, a row of the objective may be broken by as much, and so may whole
numbers. It is absolute: a proof to 1e-6 needs an optimum that is no smaller than about 1/3 (scale
by a known value and, where what is found is much smaller, by that again)."""
GRACE_S = 5.0
"""Seconds that CBC has to write its solution after it was asked to stop."""
CBC_SCALE = 2.0**12
"""By which CBC's objective is multiplied, since its log prints bounds with three decimals."""
CBC_ROOM = 1e-9
"""Relative room of rows for CBC, whose preprocessing takes a row that is just met for broken."""
DETERMINISTIC = 100
"""Added to CBC's number of threads, so that they do the same again."""
CBC_DIGIT = 1e-3 / CBC_SCALE
"""What those decimals may hide, more than half of the last one."""


@dataclass(frozen=True)
class MilpResult:
    """What an engine found: `values` None if nothing; `bound` holds for every solution.

    `infeasible` is a proof. `optimal` says that the engine closed its gap. `root` is the bound
    before any branching, as far as it came (None: unknown), `nodes` the size of the tree.
    """

    values: NDArray[np.float64] | None
    bound: float
    _: KW_ONLY
    optimal: bool = False
    infeasible: bool = False
    stopped_by: StoppedBy = "finished"
    root: float | None = None
    nodes: int = 0


def solve_program(
    program: LinearProgram,
    engine: Engine = "highs",
    *,
    time_limit_s: float = inf,
    relative_gap: float = 1e-9,
    start: Mapping[int, float] | None = None,
    seed: int = 0,
    target: float = -inf,
    threads: int = 0,
    watch: Watch | None = None,
) -> MilpResult:
    """The best solution that an engine finds within a time limit, and its dual bound.

    Parameters
    ----------
    program
        What is minimised; costs and rows scaled so that numbers are near 1.
    engine
        The back end.
    time_limit_s
        Seconds, inf for no limit.
    relative_gap
        At which the engine stops.
    start
        Values of (at least) all binary columns of a feasible solution.
    seed
        Of the engine's own choices.
    target
        HiGHS stops at a solution whose costs are no more.
    threads
        Of the engine; 0 leaves it the choice.
    watch
        Told of HiGHS's better solutions and bounds while it runs; CBC says nothing before its end.
        What it raises ends the search.

    Returns
    -------
    MilpResult
        After Ctrl-C with `stopped_by` "interrupted" and what was found so far.
    """
    started = time.perf_counter()
    if time_limit_s <= 0:
        return MilpResult(None, -inf, stopped_by="time limit")
    with warnings.catch_warnings():  # PuLP 3.3 announces what PuLP 4 will change
        warnings.simplefilter("ignore", DeprecationWarning)
        for presolved in (True, False):
            problem = _pulp_problem(program, CBC_ROOM if engine == "cbc" else 0.0)
            limit = max(time_limit_s - (time.perf_counter() - started), 1e-3)
            how = Call(
                time_limit_s=limit,
                gap=relative_gap,
                start=dict(start or {}),
                seed=seed,
                presolved=presolved,
                threads=threads,
            )
            solver = _Highs(how) if engine == "highs" else _Cbc(how)
            if isinstance(solver, _Highs):
                solver.optionsDict["objective_target"] = target - program.constant
                solver.watch = watch and _certain(program, watch)
            problem.solve(solver)
            if not (solver.failed or (start and solver.result.infeasible)):
                break
    return _rounded(program, solver.result)


@dataclass(frozen=True, kw_only=True)
class Call:
    """How an engine is to run."""

    time_limit_s: float
    gap: float
    start: dict[int, float]
    seed: int
    presolved: bool
    threads: int


def _rounded(program: LinearProgram, result: MilpResult) -> MilpResult:
    """The result with bounds that are sure, and no columns but the program's."""
    values = None if result.values is None else result.values[: program.num_columns]
    root = None if result.root is None else _sure(program, result.root)
    return changed(result, values=values, bound=_sure(program, result.bound), root=root)


def _sure(program: LinearProgram, bound: float) -> float:
    """An engine's bound rounded down, and never below what the columns alone say."""
    least = sum(c * u for c, u in zip(program.cost, program.upper) if c < 0)
    if -inf < bound < inf:
        bound -= BOUND_SLACK * (abs(bound) + abs(program.constant)) + DOUBT
    return max(bound, least) + program.constant


def _certain(program: LinearProgram, watch: Watch) -> Watch:
    """Who watches, told of bounds that are sure and of no columns but the program's."""

    def told(values: NDArray[np.float64] | None, bound: float) -> None:
        own = None if values is None else values[: program.num_columns]
        watch(own, _sure(program, bound))

    return told


def _pulp_problem(program: LinearProgram, room: float = 0.0) -> Any:
    """The program as PuLP has it; variable i is called x followed by eight digits.

    Bounds of rows, but for equations and those that are 0, are looser by `room` of themselves.
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
        expression = pulp.LpAffineExpression([(columns[i], value) for i, value in row.items()])
        if lower == upper:
            problem.addConstraint(pulp.LpConstraint(expression, pulp.LpConstraintEQ, rhs=lower))
            continue
        if lower > -inf:
            least = lower - room * abs(lower)
            problem.addConstraint(pulp.LpConstraint(expression, pulp.LpConstraintGE, rhs=least))
        if upper < inf:
            most = upper + room * abs(upper)
            problem.addConstraint(pulp.LpConstraint(expression, pulp.LpConstraintLE, rhs=most))
    return problem


_CATEGORY = {True: pulp.LpInteger, False: pulp.LpContinuous}


@contextmanager
def _quiet_stdout() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Send the process's standard output to standard error, but for what is done in `yielded()`.

    HiGHS 1.12 prints a line of its own there when it repairs a solution, whatever its log options
    say; standard output may hold one JSON document only.
    """
    sys.stdout.flush()
    try:
        kept = os.dup(1)
    except OSError:  # there is no standard output
        yield nullcontext
        return

    @contextmanager
    def as_before() -> Iterator[None]:
        os.dup2(kept, 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(2, 1)

    try:
        os.dup2(2, 1)
        yield as_before
    finally:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).fflush(None)  # what C has not written yet must not come later
        os.dup2(kept, 1)
        os.close(kept)


class _Highs(pulp.HiGHS):  # type: ignore[misc]
    """PuLP's HiGHS, run in a thread of its own so that Ctrl-C reaches the waiting caller."""

    watch: Watch | None = None

    def __init__(self, how: Call) -> None:
        limit = how.time_limit_s if isfinite(how.time_limit_s) else None
        super().__init__(msg=False, timeLimit=limit, gapRel=how.gap, gapAbs=ABSOLUTE_GAP)
        if how.threads:  # else HiGHS refuses another number than that of the process's first run
            highspy.Highs.resetGlobalScheduler(True)
        self.optionsDict |= {
            "presolve": "choose" if how.presolved else "off",
            "random_seed": how.seed % 2**31,
            "threads": how.threads,
            "mip_feasibility_tolerance": FEASIBILITY,
            "primal_feasibility_tolerance": FEASIBILITY,
        }
        self.start = how.start
        self.news: SimpleQueue[tuple[NDArray[np.float64] | None, float]] = SimpleQueue()
        self.root = -inf
        self.interrupted = self.is_late = self.failed = False
        self.result = MilpResult(None, -inf)

    def callSolver(self, lp: Any) -> None:
        """Give the start, run, and cancel on Ctrl-C."""
        highs = lp.solverModel
        if self.start:
            columns = np.fromiter(self.start.keys(), np.int32, len(self.start))
            values = np.fromiter(self.start.values(), float, len(self.start))
            highs.setSolution(len(columns), columns, values)
        highs.HandleUserInterrupt = True
        highs.cbMipInterrupt += self._look
        if self.watch is not None:
            highs.cbMipImprovingSolution += self._hear
        with _quiet_stdout() as loud:
            highs.startSolve()
            limit = inf if self.timeLimit is None else self.timeLimit + 0.2
            started, done = time.perf_counter(), False
            failure: BaseException | None = None
            while not done:
                try:
                    done = highs.wait(0.1)[0]
                    if time.perf_counter() - started > limit:  # it looks at its clock too seldom
                        self.is_late = True
                        highs.cancelSolve()
                    if failure is None and not self.news.empty():
                        with loud():
                            self._tell()
                except KeyboardInterrupt:
                    self.interrupted = True
                    highs.cancelSolve()
                except BaseException as error:  # of who watches: HiGHS must end before it goes on
                    failure = error
                    highs.cancelSolve()
        if failure is not None:
            raise failure

    def _look(self, event: Any) -> None:
        """The bound that HiGHS, in its own thread, has by now; at the root the root's."""
        bound = event.data_out.mip_dual_bound
        if event.data_out.mip_node_count == 0 and bound > self.root:
            self.root = bound
        if self.watch is not None and isfinite(bound):
            self.news.put((None, bound))

    def _hear(self, event: Any) -> None:
        """A better solution of HiGHS, in its own thread."""
        self.news.put((np.array(event.data_out.mip_solution), event.data_out.mip_dual_bound))

    def _tell(self) -> None:
        """Pass on what was heard, in the thread of the caller."""
        while self.watch is not None and not self.news.empty():
            self.watch(*self.news.get())

    def findSolutionValues(self, lp: Any) -> tuple[int, int]:
        """Read the result off HiGHS itself; PuLP's reading fails where there is no solution."""
        highs = lp.solverModel
        status, info = highs.getModelStatus(), highs.getInfo()
        kinds = highspy.HighsModelStatus
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        is_mip = any(variable.cat == pulp.LpInteger for variable in lp.variables())
        optimal = status in (kinds.kOptimal, kinds.kModelEmpty)
        # HiGHS 1.12 gives up some small infeasible programs so after its presolve
        self.failed = status in (kinds.kSolveError, kinds.kPresolveError, kinds.kPostsolveError)
        bound = info.mip_dual_bound if is_mip else -inf
        if not is_mip and optimal:
            bound = info.objective_function_value
        self.result = MilpResult(
            np.array(highs.getSolution().col_value) if found or optimal else None,
            bound if not np.isnan(bound) else -inf,
            optimal=optimal,
            infeasible=status in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible),
            stopped_by=self._why(status == kinds.kTimeLimit or (self.is_late and not optimal)),
            root=self._root(info, bound) if is_mip else None,
            nodes=max(int(info.mip_node_count), 0),
        )
        return pulp.LpStatusOptimal, pulp.LpSolutionOptimal

    def _root(self, info: Any, bound: float) -> float | None:
        """The bound of the root: what was seen there, or the end's where nothing was branched."""
        root = max(self.root, bound) if info.mip_node_count <= 1 else self.root
        return root if isfinite(root) else None

    def _why(self, time_is_up: bool) -> StoppedBy:
        if self.interrupted:
            return "interrupted"
        return "time limit" if time_is_up else "finished"


class _Cbc(pulp.PULP_CBC_CMD):  # type: ignore[misc]
    """PuLP's CBC, in a process that a time limit or Ctrl-C ends; its bound stands in its log."""

    failed = False

    def __init__(self, how: Call) -> None:
        limit = how.time_limit_s if isfinite(how.time_limit_s) else None
        super().__init__(msg=False, timeLimit=limit, gapRel=how.gap, gapAbs=ABSOLUTE_GAP)
        self.start, self.how = how.start, how
        self.result = MilpResult(None, -inf)

    def actualSolve(self, lp: Any, **_: Any) -> int:
        """Write the program, run CBC on it, read solution and log."""
        lp.setObjective(CBC_SCALE * lp.objective)
        with tempfile.TemporaryDirectory(prefix="splitfog-") as folder:
            names = lp.writeMPS(f"{folder}/program.mps", rename=1)[1]
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
        if self.timeLimit is not None:
            commands += ["-sec", f"{self.timeLimit:.3f}"]
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
        started = time.perf_counter()
        stopped_by: StoppedBy = "finished"
        with open(f"{folder}/log", "w") as log:
            process = subprocess.Popen(
                commands, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        limit = None if self.timeLimit is None else self.timeLimit + GRACE_S
        try:
            process.wait(limit)
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
        if self.timeLimit is not None and time.perf_counter() - started >= self.timeLimit:
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
