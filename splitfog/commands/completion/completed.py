"""What a shell completes in the place of a name; typer leaves out what begins otherwise."""

from __future__ import annotations

Named = list[tuple[str, str]]
"""Names, and what each is."""


def solver_names() -> Named:
    """Solvers and baselines, those of plug-ins too."""
    from splitfog.solvers.registry import solver_infos

    return [(info.name, info.summary) for info in solver_infos()]


def solver_lists(incomplete: str) -> list[str]:
    """The names of solvers and `all`, behind those that the last comma ends.

    Parameters
    ----------
    incomplete
        What has been typed of A,B,...
    """
    before, comma, _ = incomplete.rpartition(",")
    given = before.split(",")
    names = [name for name, _ in solver_names() if name not in given]
    return [f"{before}{comma}{name}" for name in (*names, *([] if before else ["all"]))]


def objective_names() -> list[str]:
    """What can be minimised."""
    from splitfog.formulations.objective import OBJECTIVES

    return list(OBJECTIVES)


def study_names() -> Named:
    """The studies that come along."""
    from splitfog.studies.study_files.reading import shipped_studies

    return [(study.content.name, study.content.title) for study in shipped_studies()]


def family_names() -> Named:
    """Families of instances, and `trace`, behind which a family of traces is named."""
    from splitfog.instances.generators import FAMILIES

    found = [(family.name, family.summary) for family in FAMILIES.values()]
    return [*found, ("trace", "figures that change with time")]


def importer_names() -> Named:
    """Formats that are read."""
    from splitfog.instances.importers import FORMATS

    return [(one.name, one.summary) for one in FORMATS.all()]


def exporter_names() -> Named:
    """Formats that are written."""
    from splitfog.deployment.exporters import FORMATS

    return [(one.name, one.summary) for one in FORMATS.all()]
