"""`splitfog verify`: whether a plan's claims are true."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from splitfog.commands.shell import CHECK_FAILED, DONE, put, put_json

EXAMPLES = ("splitfog verify alexnet.json plan.json",)


def run(
    instance: Annotated[Path, typer.Argument(metavar="INSTANCE", help="instance file")],
    plan: Annotated[Path, typer.Argument(metavar="PLAN", help="plan file")],
    as_json: Annotated[
        bool, typer.Option("--json", help='{"ok": ..., "false": [sentences]} on standard output')
    ] = False,
) -> int:
    """Check a plan's claims without any solver.

    Cost, feasibility and audit are recomputed; exit code 1 if a claim is false, which is named.
    That nothing is below lower_bound is for the solver to prove, and believed here.
    """
    from splitfog.formulations.claims.verify import false_claims
    from splitfog.formulations.evaluation.evaluate import evaluate
    from splitfog.formulations.games.audit import audit_again
    from splitfog.formulations.objective import RATES
    from splitfog.formulations.overview import status_words
    from splitfog.formulations.plan import load_plan
    from splitfog.instances.files import load_instance

    given, problem = load_plan(plan), load_instance(instance)
    false = false_claims(problem, given, audit_again(problem, given))
    if as_json:
        put_json({"ok": not false, "false": false})
    else:
        lines = [f"{plan.name}: {sentence}" for sentence in false]
        what = status_words(given.status or "feasible", given.proven_over)
        cost = float(evaluate(problem, given)) if given.tasks and not false else None
        unit = " per s" if given.objective.name in RATES else " s"
        value = "" if cost is None else f", value = {given.value or cost!r}{unit}"
        bound = "lower_bound" if given.upper_bound is None else "upper_bound"
        taken = "" if getattr(given, bound) is None else f"; {bound} is not proven again"
        said = f"{plan.name}: all claims are true ({what}{value}){taken}"
        put("\n".join(lines or [said]) + "\n")
    return CHECK_FAILED if false else DONE
