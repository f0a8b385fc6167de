"""How far apart numbers may lie that mean the same. All are relative.

What a rule of its own needs has a name of its own: an engine's gap, the precision of a cut.
"""

EQUAL = 1e-9
"""Numbers that are the same: a claim within it is true, a cost that falls by less does not fall."""

BOUND_SLACK = 1e-9
"""What bounds leave to rounding, an engine's or their own: one that was found is lowered by it,
and nothing is cut off or proven impossible that is beyond a limit by less."""

BELOW_ONE = 1e-9
"""What loads leave to rounding: a sum of them must exceed 1 by more to prove an overload."""

ROUNDING = 1e-12
"""What the order of a sum in floats may change of it, where nothing else differs."""

TINY = 1e-300
"""In place of 0 below a fraction."""
