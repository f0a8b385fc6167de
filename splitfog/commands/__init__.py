"""The commands, one a module whose `run` is the command and returns its exit code."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

COMMANDS: Mapping[str, str] = MappingProxyType(
    {
        "solve": "solve",
        "compare": "compare",
        "study": "study",
        "generate": "instances.generate",
        "import": "instances.import_file",
        "edit": "instances.edit",
        "profile": "profile",
        "presets": "instances.presets",
        "validate": "instances.validate",
        "schema": "instances.schema",
        "evaluate": "evaluate",
        "verify": "verify",
        "solvers": "solvers",
        "show": "show",
        "policy": "policies.policy",
        "bands": "policies.bands",
        "simulate": "simulate",
        "replay": "replay",
        "repair": "repair",
        "pareto": "pareto",
        "split": "split",
        "export": "export",
        "run": "runtime.run",
        "serve": "runtime.serve",
        "completion": "completion.script",
    }
)
"""Name on the command line -> module here, in the order of `splitfog --help`; one that has
`COMMANDS` itself is a group.

Such a module imports only the standard library and typer at its top, so that `--help` is quick. It
holds `EXAMPLES`, command lines for its help, and may hold `SETTINGS`, keywords for
`typer.Typer.command`. Every option that takes a value has a metavar, a word in capitals.
"""
