"""The fewest parts of a placed graph such that they can run one after another.

One part a machine is not enough in general: of A1 -> B1, B2 -> A2 with A and B the machines, two
parts would wait for each other; three do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

MAX_STATES = 2000
BEAM = 50


@dataclass(frozen=True)
class PartOrder:
    """Parts in an order in which they can run.

    Attributes
    ----------
    parts : (machine, its operators in their order) of each.
    fewest : whether it is proven that there are no fewer.
    """

    parts: tuple[tuple[int, tuple[int, ...]], ...]
    fewest: bool


def fewest_parts(reads: Sequence[Sequence[int]], machines: Sequence[int]) -> PartOrder:
    """The fewest parts, each of operators of one machine, that run one after another.

    Breadth first over sequences of machines: a state is the set of operators that have run, a step
    runs all that is possible on one more machine. Running more never hurts, so a state inside
    another one of as many steps is dropped. Beyond `MAX_STATES` states of one depth the `BEAM` ones
    in which most has run are kept, and `fewest` is False.

    Parameters
    ----------
    reads
        Of every operator those that it reads, all of them earlier ones.
    machines
        Where every operator runs.

    Returns
    -------
    PartOrder

    Notes
    -----
    O(depth x states x (operators + states)) operations on sets of operators.
    """
    needs = [sum({1 << read for read in own}) for own in reads]
    operators: dict[int, list[int]] = {}
    for operator, machine in enumerate(machines):
        operators.setdefault(machine, []).append(operator)
    everything = (1 << len(needs)) - 1
    level: dict[int, tuple[int, ...]] = {0: ()}
    proven = True
    while everything not in level:
        following: dict[int, tuple[int, ...]] = {}
        for done, sequence in level.items():
            for machine, own in operators.items():
                after = _run(done, own, needs)
                if after != done:
                    following.setdefault(after, (*sequence, machine))
        limit = MAX_STATES if proven else BEAM
        level = _undominated(following, limit)
        if len(level) > limit:
            proven = False
            level = dict(list(level.items())[:BEAM])
    return PartOrder(tuple(_parts(level[everything], operators, needs)), proven)


def _run(done: int, operators: Sequence[int], needs: Sequence[int]) -> int:
    """What has run when a machine has run all that it can."""
    for operator in operators:
        if not needs[operator] & ~done:
            done |= 1 << operator
    return done


def _undominated(states: dict[int, tuple[int, ...]], limit: int) -> dict[int, tuple[int, ...]]:
    """States that are inside no other, those in which most has run first; at most `limit` + 1."""
    kept: dict[int, tuple[int, ...]] = {}
    for done in sorted(states, key=int.bit_count, reverse=True):
        if all(done | larger != larger for larger in kept):
            kept[done] = states[done]
            if len(kept) > limit:
                break
    return kept


def _parts(
    sequence: Sequence[int], operators: dict[int, list[int]], needs: Sequence[int]
) -> Iterator[tuple[int, tuple[int, ...]]]:
    done = 0
    for machine in sequence:
        after = _run(done, operators[machine], needs)
        new = after & ~done
        yield machine, tuple(own for own in operators[machine] if new >> own & 1)
        done = after
