"""splitfog: split a neural network over devices, fog and cloud.

Everything below is loaded when it is first used, so that `import splitfog` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from splitfog import matching as matching
    from splitfog import tiles as tiles
    from splitfog.baselines.harness import compare as compare
    from splitfog.deployment.simulation import simulate as simulate
    from splitfog.formulations.batch_cost import BatchCost as BatchCost
    from splitfog.formulations.front import Front as Front
    from splitfog.formulations.front import load_front as load_front
    from splitfog.formulations.front import save_front as save_front
    from splitfog.formulations.offload_batch_cost import OffloadBatchCost as OffloadBatchCost
    from splitfog.formulations.plan import Plan as Plan
    from splitfog.formulations.plan import load_plan as load_plan
    from splitfog.formulations.plan import save_plan as save_plan
    from splitfog.formulations.policy import Policy as Policy
    from splitfog.formulations.policy import load_policy as load_policy
    from splitfog.formulations.policy import save_policy as save_policy
    from splitfog.formulations.report import evaluate as evaluate
    from splitfog.formulations.report import violations as violations
    from splitfog.formulations.template import subtasks as subtasks
    from splitfog.instances import zoo as zoo
    from splitfog.instances.checks import InstanceError as InstanceError
    from splitfog.instances.files import load_instance as load_instance
    from splitfog.instances.files import save_instance as save_instance
    from splitfog.instances.generators import generate as generate
    from splitfog.instances.model import Instance as Instance
    from splitfog.instances.model import Layer as Layer
    from splitfog.instances.model import Link as Link
    from splitfog.instances.model import Model as Model
    from splitfog.instances.model import Node as Node
    from splitfog.instances.model import Task as Task
    from splitfog.instances.model import Window as Window
    from splitfog.solvers.base import SolverDeclined as SolverDeclined
    from splitfog.solvers.pareto import pareto as pareto
    from splitfog.solvers.policy import policy as policy
    from splitfog.solvers.solve import solve as solve

_HOMES = {
    "BatchCost": "formulations.batch_cost",
    "Front": "formulations.front",
    "Instance": "instances.model",
    "InstanceError": "instances.checks",
    "Layer": "instances.model",
    "Link": "instances.model",
    "Model": "instances.model",
    "Node": "instances.model",
    "OffloadBatchCost": "formulations.offload_batch_cost",
    "Plan": "formulations.plan",
    "Policy": "formulations.policy",
    "SolverDeclined": "solvers.base",
    "Task": "instances.model",
    "Window": "instances.model",
    "compare": "baselines.harness",
    "evaluate": "formulations.report",
    "generate": "instances.generators",
    "load_front": "formulations.front",
    "load_instance": "instances.files",
    "load_plan": "formulations.plan",
    "load_policy": "formulations.policy",
    "pareto": "solvers.pareto",
    "policy": "solvers.policy",
    "save_front": "formulations.front",
    "save_instance": "instances.files",
    "save_plan": "formulations.plan",
    "save_policy": "formulations.policy",
    "simulate": "deployment.simulation",
    "solve": "solvers.solve",
    "subtasks": "formulations.template",
    "violations": "formulations.report",
}

_MODULES = {
    "matching": "splitfog.matching",
    "solvers": "splitfog.solvers",
    "tiles": "splitfog.tiles",
    "zoo": "splitfog.instances.zoo",
}

__all__ = [*_HOMES, *_MODULES]
__version__ = "0.1.0"


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
