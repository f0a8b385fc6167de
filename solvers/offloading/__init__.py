"""Given subtasks, or catalogues of them, put on nodes."""

from __future__ import annotations

from splitfog.solvers.declare import Option, SolverInfo

_SUBTASKS = {"stages": Option(None, "plan file whose subtasks are matched; none: see the solver")}

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="offload-assignment",
        summary="batch: the best nodes and orders of whole tasks, or of the subtasks of `stages`",
        kind="exact",
        objectives=("batch",),
        entry=".batch_assignment:solve_offload_assignment",
        answers="slices",
        exact_when="for the subtasks given; with quotas on sources of tasks up to 150,000 columns",
        complexity="one linear assignment of K subtasks to O(K + N) slots",
        reference="Bruno, Coffman, Sethi, CACM 1974 (slots by position from the end)",
        cites=("bruno1974scheduling",),
        options=_SUBTASKS,
    ),
    SolverInfo(
        name="offload-ilp",
        summary="mean-latency of given subtasks, waits included, as a 0-1 program",
        kind="exact",
        objectives=("mean-latency",),
        entry=".offload_ilp:solve_offload_ilp",
        answers="slices",
        exact_when="for the subtasks given (see audit), 20 on 5 nodes in a minute; 40 on 8 to 2 %",
        complexity="exponential at worst; 2,000 places in the compact form",
        reference="columns of a node and its subtasks, priced by knapsacks (ours), then HiGHS",
        cites=("huangfu2018highs",),
        options={
            **_SUBTASKS,
            "formulation": Option("columns", "the program", choices=("columns", "compact")),
        },
    ),
    SolverInfo(
        name="joint-ilp",
        summary="mean-latency: one plan per task out of growing catalogues, the best choice of all",
        kind="exact",
        objectives=("mean-latency",),
        entry=".joint_ilp:solve_joint_ilp",
        answers="slices",
        exact_when="within the catalogues (see audit); up to 50 tasks, 20 in a minute",
        complexity="exponential at worst: prices of visits, branch and bound over tasks",
        reference="catalogues of DINA-P; bounds by prices and by supermodular waits are ours",
        cites=("mohammed2020dina",),
        options={
            "plans": Option(
                "wide",
                "those of a catalogue alone, or with wide ones that the best choice asks for",
                choices=("narrow", "wide"),
            )
        },
        start=True,
    ),
    SolverInfo(
        name="unsplittable",
        summary="mean-latency on nodes with memory: stable with sizes, the job too much moves on",
        kind="heuristic",
        objectives=("mean-latency",),
        entry=".unsplittable:solve_unsplittable",
        answers="slices",
        complexity="O(K N log(K N))",
        reference="Dean, Goemans, Immorlica, 2006; sizes, quotas and loads afterwards are ours",
        cites=("dean2006unsplittable",),
        options=_SUBTASKS,
    ),
)
