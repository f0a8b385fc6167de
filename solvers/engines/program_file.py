"""A linear program as a file that other solvers read: CPLEX LP or MPS, written by HiGHS."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import highspy
import numpy as np

from splitfog.formulations.programs.linear_program import LinearProgram
from splitfog.instances.json_files import write_whole

COMMENT = {".lp": "\\", ".mps": "*"}
"""What a line of a file of each kind begins with, if it is for people only."""
SUFFIXES = tuple(COMMENT)
SECTIONS = {"gen\nsemi": "", "bin": "binaries"}
"""Headings of LP files as HiGHS writes them, and as others read them: CBC takes `bin` for a name
and leaves out that these columns are whole."""


def write_linear_program(
    program: LinearProgram,
    columns: Sequence[str],
    rows: Sequence[str],
    about: str,
    path: str | os.PathLike[str],
) -> None:
    """Write a program, whole or not at all.

    Parameters
    ----------
    program
        What is minimised.
    columns, rows
        Their names.
    about
        A sentence that the file begins with, as a comment.
    path
        Ends in `.lp` or `.mps`.

    Raises
    ------
    ValueError
        For another ending.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ValueError(f"{Path(path).name}: must end in one of {', '.join(SUFFIXES)}")
    model = _model(program, columns, rows)
    with tempfile.TemporaryDirectory(prefix="splitfog-") as folder:
        draft = Path(folder) / f"program{suffix}"
        highs = highspy.Highs()
        highs.setOptionValue("output_flag", False)
        highs.passModel(model)
        highs.writeModel(str(draft))
        text = draft.read_text()
    for own, known in SECTIONS.items():
        text = text.replace(f"\n{own}\n", f"\n{known}\n")
    write_whole(path, f"{COMMENT[suffix]} {about}\n{text}".encode())


def _model(program: LinearProgram, columns: Sequence[str], rows: Sequence[str]) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = program.num_columns, len(program.rows)
    model.col_cost_ = np.array(program.cost)
    model.col_lower_ = np.zeros(program.num_columns)
    model.col_upper_ = np.array(program.upper)
    model.row_lower_ = np.array(program.row_lower)
    model.row_upper_ = np.array(program.row_upper)
    model.offset_ = program.constant
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    model.integrality_ = [kinds[is_binary] for is_binary in program.is_binary]
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.cumsum([0, *map(len, program.rows)]).astype(np.int32)
    model.a_matrix_.index_ = np.array([c for row in program.rows for c in row], np.int32)
    model.a_matrix_.value_ = np.array([v for row in program.rows for v in row.values()], float)
    model.col_names_, model.row_names_ = list(columns), list(rows)
    return model
