"""Published policies to compare with, one a file."""

from __future__ import annotations

from splitfog.solvers.d3 import SLICING
from splitfog.solvers.declare import SolverInfo

SOLVERS: tuple[SolverInfo, ...] = (
    SolverInfo(
        name="modnn",
        summary="every sliceable layer its own stage, rows in proportion to node speed",
        kind="baseline",
        objectives=("latency",),
        answers="slices",
        entry=".tilings:solve_modnn",
        complexity="O(L N)",
        reference="after MoDNN, Mao et al., DATE 2017",
        cites=("mao2017modnn",),
        options={"helpers": SLICING["helpers"]},
        start=True,
    ),
    SolverInfo(
        name="deepthings",
        summary="the first layers fused in one equal grid, its tiles dealt round robin",
        kind="baseline",
        objectives=("latency",),
        answers="slices",
        entry=".tilings:solve_deepthings",
        complexity="O(P G^4) for P blocks and grids up to G x G",
        reference="Zhao et al., DeepThings, IEEE TCAD 2018; dealt instead of stolen (ours)",
        cites=("zhao2018deepthings",),
        options=SLICING,
        start=True,
    ),
    SolverInfo(
        name="aofl",
        summary="fuse points by dynamic program, rows equal or by speed over all nodes",
        kind="baseline",
        objectives=("latency",),
        answers="slices",
        entry=".tilings:solve_aofl",
        complexity="O(P^2 L N) for P blocks",
        reference="after AOFL, Zhou et al., 2019; on a DAG over its chains of blocks (ours)",
        cites=("zhou2019aofl",),
        options={"helpers": SLICING["helpers"]},
        start=True,
    ),
    SolverInfo(
        name="coedge",
        summary="every layer its own stage, row shares by linear program, slow nodes dropped",
        kind="baseline",
        objectives=("latency",),
        answers="slices",
        entry=".tilings:solve_coedge",
        complexity="O(L N^2)",
        reference="after CoEdge, Zeng et al., 2020; the program's closed form is ours",
        cites=("zeng2021coedge",),
        options={"helpers": SLICING["helpers"]},
        start=True,
    ),
)
