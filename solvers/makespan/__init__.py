"""Proofs of the makespan."""

from __future__ import annotations

from splitfog.solvers.declare import Option, SolverInfo

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="cp-sat",
        summary="makespan over placements and orders by constraint programming on series segments",
        kind="exact",
        objectives=("makespan",),
        entry=".cp_sat:solve_cp_sat",
        exact_when="always but with very many hops that can wait; on a time limit with its bound",
        complexity="exponential at worst in the largest segment between two cuts in series",
        reference="CP-SAT (OR-Tools); the cut into segments and the order of hops are ours",
        cites=("perron-cpsat",),
        options={
            "workers": Option(1, "CP-SAT's threads", least=1),
            "decompose": Option(True, "whether the model is cut into segments in series"),
        },
        start=True,
    ),
)
