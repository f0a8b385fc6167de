"""Other formats read into instances, one a file.

A format's function takes the paths of the files and a value for every option of its declaration.
"""

from __future__ import annotations

from splitfog.instances.plugins.format import Format, Formats

IMPORTERS = (
    Format(
        name="msr",
        summary="workloads of github.com/msr-fiddle/dnn-partitioning, layers or operators, "
        "inference or training (solve them with --objective period --no-monotone)",
        entry=".msr:read",
        files=("WORKLOAD.json",),
    ),
)

FORMATS = Formats("importer", __name__, IMPORTERS)
"""What `splitfog import` reads; the group of entry points is `splitfog.importers`."""
