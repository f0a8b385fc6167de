"""What a sliced stage costs, as a timeline (SPEC 3.6) and as visits of a queue (SPEC 3.4)."""

from __future__ import annotations

from dataclasses import dataclass

from splitfog.formulations.decision import Stage
from splitfog.formulations.ledger import Ledger, TaskCost
from splitfog.instances.model import Instance, Task


@dataclass(frozen=True)
class StageVisit:
    """All slices of a stage on one node: their transfers in, services and transfers out, added up."""

    node: int
    transfer_in_s: float
    service_s: float
    transfer_out_s: float
