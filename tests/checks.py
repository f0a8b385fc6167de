"""The contract: what holds for the plan of every solver on every instance.

It is what third parties hold theirs to, `splitfog.testing`.
"""

from __future__ import annotations

from splitfog.testing import check_against_optimum as check_against_optimum
from splitfog.testing import check_plan as check_plan
from splitfog.testing import solved as solved
