"""HiGHS: a 0-1 program from arrays, solved in a thread of its own."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from itertools import chain
from math import inf, isfinite
from queue import SimpleQueue
from typing import Any

import highspy
import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.deadline import Deadline
from splitfog.formulations.plan import StoppedBy
from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.solvers.engines.result import (
    ABSOLUTE_GAP,
    FEASIBILITY,
    LEAST_S,
    Call,
    MilpResult,
    Watch,
)

POLL_S = 0.02
"""How often the waiting thread looks at the clock and for Ctrl-C."""


def solve_by_highs(
    program: LinearProgram, how: Call, target: float, watch: Watch | None
) -> tuple[MilpResult, bool]:
    """The best that HiGHS finds, and whether it gave up by an error of its own.

    It stops at a solution whose costs, the program's constant included, are at most `target`, and
    tells `watch` of what it finds.
    """
    run = _Highs(how, watch)
    run.highs.setOptionValue("objective_target", target - program.constant)
    return run.solved(program, how)


class _Highs:
    """HiGHS, run in a thread of its own so that Ctrl-C reaches the waiting caller.

    It gets the program as arrays: thirty times as fast as through PuLP, one row after another.
    """

    def __init__(self, how: Call, watch: Watch | None) -> None:
        if how.threads:  # else HiGHS refuses another number than that of the process's first run
            highspy.Highs.resetGlobalScheduler(True)
        self.highs, self.watch = highspy.Highs(), watch
        options: dict[str, float | int | str] = {
            "output_flag": False,
            "mip_rel_gap": how.gap,
            "mip_abs_gap": ABSOLUTE_GAP,
            "presolve": "choose" if how.presolved else "off",
            "random_seed": how.seed % 2**31,
            "threads": how.threads,
            "mip_feasibility_tolerance": FEASIBILITY,
            "primal_feasibility_tolerance": FEASIBILITY,
        }
        for name, value in options.items():
            self.highs.setOptionValue(name, value)
        self.news: SimpleQueue[tuple[NDArray[np.float64] | None, float]] = SimpleQueue()
        self.root = -inf
        self.interrupted = self.is_late = False

    def solved(self, program: LinearProgram, how: Call) -> tuple[MilpResult, bool]:
        """What it finds, and whether it gave up."""
        self.highs.passModel(_highs_model(program))
        if how.start:
            columns = np.fromiter(how.start.keys(), np.int32, len(how.start))
            values = np.fromiter(how.start.values(), float, len(how.start))
            self.highs.setSolution(len(columns), columns, values)
        limit = max(how.deadline.remaining_s, LEAST_S)
        if limit < inf:
            self.highs.setOptionValue("time_limit", limit)
        self.highs.HandleUserInterrupt = True
        self.highs.cbMipInterrupt += self._look
        if self.watch is not None:
            self.highs.cbMipImprovingSolution += self._hear
        with _quiet_stdout() as loud:
            self._run(how.deadline, loud)
        return self._result(any(program.is_binary))

    def _run(self, deadline: Deadline, loud: Callable[[], AbstractContextManager[None]]) -> None:
        """Until it ends; on Ctrl-C and, as it looks at its clock too seldom, when late it is
        cancelled."""
        self.highs.startSolve()
        done = False
        failure: BaseException | None = None
        while not done:
            try:
                done = self.highs.wait(POLL_S)[0]
                if deadline.is_over:
                    self.is_late = True
                    self.highs.cancelSolve()
                if failure is None and not self.news.empty():
                    with loud():
                        self._tell()
            except KeyboardInterrupt:
                self.interrupted = True
                self.highs.cancelSolve()
            except BaseException as error:  # of who watches: HiGHS must end before it goes on
                failure = error
                self.highs.cancelSolve()
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

    def _result(self, is_mip: bool) -> tuple[MilpResult, bool]:
        status, info = self.highs.getModelStatus(), self.highs.getInfo()
        kinds = highspy.HighsModelStatus
        found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
        optimal = status in (kinds.kOptimal, kinds.kModelEmpty)
        # HiGHS 1.12 gives up some small infeasible programs so after its presolve
        failed = status in (kinds.kSolveError, kinds.kPresolveError, kinds.kPostsolveError)
        bound = info.mip_dual_bound if is_mip else -inf
        if not is_mip and optimal:
            bound = info.objective_function_value
        result = MilpResult(
            np.array(self.highs.getSolution().col_value) if found or optimal else None,
            bound if not np.isnan(bound) else -inf,
            optimal=optimal,
            infeasible=status in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible),
            stopped_by=self._why(status == kinds.kTimeLimit or (self.is_late and not optimal)),
            root=self._root(info, bound) if is_mip else None,
            nodes=max(int(info.mip_node_count), 0),
        )
        return result, failed

    def _root(self, info: Any, bound: float) -> float | None:
        """The bound of the root: what was seen there, or the end's where nothing was branched."""
        root = max(self.root, bound) if info.mip_node_count <= 1 else self.root
        return root if isfinite(root) else None

    def _why(self, time_is_up: bool) -> StoppedBy:
        if self.interrupted:
            return "interrupted"
        return "time limit" if time_is_up else "finished"


def _highs_model(program: LinearProgram) -> highspy.HighsLp:
    """The program as HiGHS has it, rows one after another."""
    model = highspy.HighsLp()
    none = [] if program.num_columns else [0.0]  # HiGHS calls no columns optimal, whatever the rows
    model.num_col_, model.num_row_ = program.num_columns + len(none), len(program.rows)
    model.col_cost_ = np.array([*program.cost, *none], float)
    model.col_lower_ = np.zeros(model.num_col_)
    model.col_upper_ = np.array([*program.upper, *none], float)
    model.row_lower_ = np.array(program.row_lower, float)
    model.row_upper_ = np.array(program.row_upper, float)
    lengths = [len(row) for row in program.rows]
    count = sum(lengths)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    columns, values = (chain.from_iterable(part) for part in (program.rows, _values(program)))
    model.a_matrix_.index_ = np.fromiter(columns, np.int32, count)
    model.a_matrix_.value_ = np.fromiter(values, float, count)
    if any(program.is_binary):
        kinds = {True: highspy.HighsVarType.kInteger, False: highspy.HighsVarType.kContinuous}
        model.integrality_ = [kinds[binary] for binary in program.is_binary]
    return model


def _values(program: LinearProgram) -> Iterator[Iterable[float]]:
    return (row.values() for row in program.rows)


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
