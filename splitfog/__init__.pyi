# Every name that splitfog offers, once: a line with its home, which `_lazy` reads. A `def` is a
# package of splitfog that can be called.

from splitfog import matching as matching
from splitfog import testing as testing
from splitfog import tiles as tiles
from splitfog._version import __version__ as __version__
from splitfog.deployment.simulation.simulation import simulate as simulate
from splitfog.formulations.costs.describe import evaluate as evaluate
from splitfog.formulations.costs.describe import plan as plan
from splitfog.formulations.costs.describe import violations as violations
from splitfog.formulations.fronts.front import Front as Front
from splitfog.formulations.fronts.front import load_front as load_front
from splitfog.formulations.fronts.front import save_front as save_front
from splitfog.formulations.objective import Objective as Objective
from splitfog.formulations.offloading.batch_cost import OffloadBatchCost as OffloadBatchCost
from splitfog.formulations.offloading.templates import subtasks as subtasks
from splitfog.formulations.parametric.policy_table import Policy as Policy
from splitfog.formulations.parametric.policy_table import load_policy as load_policy
from splitfog.formulations.parametric.policy_table import save_policy as save_policy
from splitfog.formulations.plan import Plan as Plan
from splitfog.formulations.plan import PlanError as PlanError
from splitfog.formulations.plan import load_plan as load_plan
from splitfog.formulations.plan import save_plan as save_plan
from splitfog.formulations.vectorised.batch_cost import BatchCost as BatchCost
from splitfog.instances import zoo as zoo
from splitfog.instances.defects import InstanceError as InstanceError
from splitfog.instances.files import load_instance as load_instance
from splitfog.instances.files import save_instance as save_instance
from splitfog.instances.generators import generate as generate
from splitfog.instances.instance import Instance as Instance
from splitfog.instances.records import Layer as Layer
from splitfog.instances.records import Link as Link
from splitfog.instances.records import Model as Model
from splitfog.instances.records import Node as Node
from splitfog.instances.records import Task as Task
from splitfog.instances.records import Window as Window
from splitfog.solvers.base import SolverDeclined as SolverDeclined
from splitfog.solvers.base import WrongAnswer as WrongAnswer
from splitfog.solvers.declare import SolverInfo as SolverInfo
from splitfog.solvers.fronts.pareto import pareto as pareto
from splitfog.solvers.parametric.policy import policy as policy
from splitfog.solvers.solve import solve as solve
from splitfog.studies.compare import compare as compare
from splitfog.views.report import save_report as save_report
from splitfog.views.tables import print_tables as print_tables

def solvers() -> tuple[SolverInfo, ...]: ...
