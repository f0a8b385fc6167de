"""splitfog: split a neural network over devices, fog and cloud.

Everything below is loaded when it is first used, so that `import splitfog` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from splitfog._version import __version__ as __version__

if TYPE_CHECKING:
    from splitfog import matching as matching
    from splitfog import testing as testing
    from splitfog import tiles as tiles
    from splitfog.deployment.simulation.simulation import simulate as simulate
    from splitfog.formulations.costs.describe import evaluate as evaluate
    from splitfog.formulations.costs.describe import plan as plan
    from splitfog.formulations.costs.describe import violations as violations
    from splitfog.formulations.fronts.front import Front as Front
    from splitfog.formulations.fronts.front import load_front as load_front
    from splitfog.formulations.fronts.front import save_front as save_front
    from splitfog.formulations.offloading.batch_cost import OffloadBatchCost as OffloadBatchCost
    from splitfog.formulations.offloading.templates import subtasks as subtasks
    from splitfog.formulations.parametric.policy_table import Policy as Policy
    from splitfog.formulations.parametric.policy_table import load_policy as load_policy
    from splitfog.formulations.parametric.policy_table import save_policy as save_policy
    from splitfog.formulations.plan import Plan as Plan
    from splitfog.formulations.plan import load_plan as load_plan
    from splitfog.formulations.plan import save_plan as save_plan
    from splitfog.formulations.vectorised.batch_cost import BatchCost as BatchCost
    from splitfog.instances import zoo as zoo
    from splitfog.instances.defects import InstanceError as InstanceError
    from splitfog.instances.files import load_instance as load_instance
    from splitfog.instances.files import save_instance as save_instance
    from splitfog.instances.generators import generate as generate
    from splitfog.instances.records import Instance as Instance
    from splitfog.instances.records import Layer as Layer
    from splitfog.instances.records import Link as Link
    from splitfog.instances.records import Model as Model
    from splitfog.instances.records import Node as Node
    from splitfog.instances.records import Task as Task
    from splitfog.instances.records import Window as Window
    from splitfog.solvers.base import SolverDeclined as SolverDeclined
    from splitfog.solvers.fronts.pareto import pareto as pareto
    from splitfog.solvers.parametric.policy import policy as policy
    from splitfog.solvers.solve import solve as solve
    from splitfog.studies.compare import compare as compare
    from splitfog.views.report import save_report as save_report
    from splitfog.views.tables import print_tables as print_tables

_HOMES = {
    "BatchCost": "formulations.vectorised.batch_cost",
    "Front": "formulations.fronts.front",
    "Instance": "instances.records",
    "InstanceError": "instances.defects",
    "Layer": "instances.records",
    "Link": "instances.records",
    "Model": "instances.records",
    "Node": "instances.records",
    "OffloadBatchCost": "formulations.offloading.batch_cost",
    "Plan": "formulations.plan",
    "Policy": "formulations.parametric.policy_table",
    "SolverDeclined": "solvers.base",
    "Task": "instances.records",
    "Window": "instances.records",
    "compare": "studies.compare",
    "evaluate": "formulations.costs.describe",
    "generate": "instances.generators",
    "load_front": "formulations.fronts.front",
    "load_instance": "instances.files",
    "load_plan": "formulations.plan",
    "load_policy": "formulations.parametric.policy_table",
    "pareto": "solvers.fronts.pareto",
    "plan": "formulations.costs.describe",
    "policy": "solvers.parametric.policy",
    "print_tables": "views.tables",
    "save_front": "formulations.fronts.front",
    "save_instance": "instances.files",
    "save_plan": "formulations.plan",
    "save_policy": "formulations.parametric.policy_table",
    "save_report": "views.report",
    "simulate": "deployment.simulation.simulation",
    "solve": "solvers.solve",
    "subtasks": "formulations.offloading.templates",
    "violations": "formulations.costs.describe",
}

_MODULES = {
    "matching": "splitfog.matching",
    "solvers": "splitfog.solvers",
    "testing": "splitfog.testing",
    "tiles": "splitfog.tiles",
    "zoo": "splitfog.instances.zoo",
}

__all__ = [*_HOMES, *_MODULES]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for."""
    if name in _MODULES:
        return import_module(_MODULES[name])
    if name in _HOMES:
        value = getattr(import_module(f"splitfog.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'splitfog' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
