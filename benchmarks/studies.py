"""What benchmarks share that print tables of a study which comes with splitfog."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.common import asked_for
from splitfog import StudyFile, load_study, run_study
from splitfog.studies.rows import Table
from splitfog.studies.study_files.entries import Made


def studied(name: str, about: str | None) -> Table:
    """The table of a study, kept where the command line says or in `out/studies/NAME`.

    What that holds already is not run again.
    """
    words = asked_for(about, "the folder of `splitfog compare --study`; default: out/studies/NAME")
    return run_study(name, Path(words[0]) if words else Path("out") / "studies" / name)


def options_of(study: StudyFile | str) -> dict[str, Mapping[str, Any]]:
    """By name of an instance the options that its family was given."""
    read = load_study(study) if isinstance(study, str) else study
    made = [source for source in read.sources if isinstance(source, Made)]
    return {own.family.name_of(own.seed, own.options): own.options for own in made}
