"""The ways to lay a chain over nodes in ranges, as lines: those with one node at both ends, too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from splitfog.formulations.tolerances import ROUNDING
from splitfog.instances.records import changed
from splitfog.solvers.chains.blocks import Blocks
from splitfog.solvers.chains.chain import Chain, Crossings, cuts, loop_cuts, stage_table
from splitfog.solvers.chains.kinds import Kinds, kinds_of
from splitfog.solvers.chains.line import BusyLine, RangeLine, Table, Walk

Counting = Literal["sum", "longest", "kept", "busy"]
"""What counts: seconds one after another, the longest busy time, or whether none is too long (then
a walk costs 1), with "busy" where nodes are busy with what they send and receive (then 0)."""


@dataclass(frozen=True, kw_only=True)
class LayoutCase:
    """Some of the ways to lay out a chain.

    `opener`: the kind of the node that has both ends, with `low` to `high` layers at the start, and
    at the end those from `tail` on (None: any); None: all nodes have one range. `first`, `last`:
    the kinds of the first and the last range (but for the opener's), None: any. `cuts` is a
    position in `Cases.cut_sets`. `tracked`: kinds that are used as often as they have nodes at
    most; others perhaps too often.
    """

    opener: int | None = None
    low: int = 1
    high: int = 0
    tail: int | None = None
    first: int | None = None
    last: int | None = None
    cuts: int = 0
    tracked: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Cases:
    """A chain's layouts as lines. What a line's best walk costs is a bound for its case, and what
    it really costs but for kinds used too often, memory and busy time of an opener's two ranges
    (of a single `low`, or with `tail`, they are counted), and links that the ends use beside a hop
    or each other (counted where `first` and `last` are known, and every way is one link).

    `limit`: seconds that no node and no link may be busy for longer; inf: none. `blocks`: where the
    chain is made of them.
    """

    chain: Chain
    counting: Counting
    is_ring: bool
    limit: float = inf
    blocks: Blocks | None = None

    @cached_property
    def slack(self) -> float:
        """The limit, with what rounding may add."""
        return self.limit * (1 + ROUNDING)

    @cached_property
    def kinds(self) -> Kinds:
        """Nodes of every kind."""
        return kinds_of(self.chain)

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """[kinds]: how many nodes there are."""
        return np.array([len(kind) for kind in self.kinds], np.int64)

    @cached_property
    def models(self) -> list[int]:
        """A node of every kind."""
        return [kind[0] for kind in self.kinds]

    @cached_property
    def cut_sets(self) -> list[NDArray[np.bool_]]:
        """[layers + 1] each: where a line may be cut, then where rings may be, each apart."""
        return [cuts(self.chain), *loop_cuts(self.chain)]

    @cached_property
    def stages(self) -> Table:
        """[kinds, layers + 1, layers + 1]: seconds of ranges that are no longer than the limit."""
        return stage_table(self.chain, self.slack)[self.models]

    @cached_property
    def ways(self) -> Crossings:
        """What counts of crossings between kinds."""
        return self._by_kind(
            self.chain.busy if self.counting in ("longest", "busy") else self.chain.ways
        )

    @cached_property
    def busy(self) -> Crossings:
        """How long crossings between kinds occupy a link."""
        return self._by_kind(self.chain.busy)

    @cached_property
    def possible(self) -> Crossings:
        """As `busy`, 0 of what is impossible."""
        tables = (self.busy.enter, self.busy.hops, self.busy.leave)
        return Crossings(*(np.where(np.isfinite(table), table, 0.0) for table in tables))

    def _by_kind(self, crossings: Crossings) -> Crossings:
        """Crossings between kinds; `hops` [layers + 1, kinds, kinds] of two nodes, by cut."""
        models = self.models
        seconds = np.full((len(self.chain.layers) + 1, len(models), len(models)), inf)
        seconds[1:-1] = crossings.hops[:, models][:, :, models]
        for kind, nodes in enumerate(self.kinds):
            seconds[1:-1, kind, kind] = crossings.hops[:, nodes[0], nodes[1]] if nodes[1:] else inf
        return Crossings(crossings.enter[models], seconds, crossings.leave[models])

    @cached_property
    def source(self) -> int | None:
        """The kind of the source, if that may have layers."""
        return self._kind_of(self.chain.arrays.source)

    @cached_property
    def target(self) -> int | None:
        """The kind of where results go, if that may have layers."""
        return self._kind_of(self.chain.arrays.results_to)

    def _kind_of(self, node: int | None) -> int | None:
        return next((at for at, kind in enumerate(self.kinds) if node in kind), None)

    @cached_property
    def halted(self) -> Table:
        """[kinds]: 1 where a node cannot compute while it sends or receives, else 0."""
        nodes = self.chain.arrays.instance.nodes
        return np.array([0.0 if nodes[model].overlap else 1.0 for model in self.models])

    @property
    def is_direct(self) -> bool:
        """Whether every way is one link."""
        return self.chain.arrays.instance.routing == "direct"

    def all(self) -> Iterator[LayoutCase]:
        """Cases that have all layouts together."""
        yield LayoutCase()
        if not self.is_ring:
            return
        for opener in range(len(self.kinds)):
            for at, allowed in enumerate(self.cut_sets[1:], 1):
                inner = np.flatnonzero(allowed[1:-1]) + 1
                low, high = int(inner[0]), int(inner[-2])
                case = LayoutCase(opener=opener, low=low, high=high, cuts=at)
                yield from [
                    changed(case, tail=tail)
                    for tail in self._tails
                    if tail is None or allowed[tail]
                ]

    @property
    def _tails(self) -> Sequence[int | None]:
        """Where an opener's last range may begin: with as few blocks as possible, where the others
        may be in its first one as well; None: anywhere."""
        blocks = self.blocks
        if blocks is None or self.counting not in ("sum", "kept"):
            return [None]
        stop = blocks.first + blocks.count
        return range(stop - 1 + blocks.last, stop + blocks.last + blocks.returns)

    def refined(self, case: LayoutCase, walk: Walk) -> list[LayoutCase]:
        """Smaller cases that have all of a case's layouts; none: there are no smaller ones.

        Parameters
        ----------
        case
            With a walk that costs more than its line says.
        walk
            That one.
        """
        start = walk[0][1]
        if case.low < case.high and case.tail is None:
            split = max(start, case.low + 1)
            return [changed(case, high=split - 1), changed(case, low=split)]
        if not self.is_direct:
            return []
        if case.first is None:
            return self.by_first(case)
        if case.last is None and case.opener is None:
            return [changed(case, last=kind) for kind in range(len(self.kinds))]
        return []

    def by_first(self, case: LayoutCase) -> list[LayoutCase]:
        """A case for every kind of the first range; none: it is known.

        Parameters
        ----------
        case
            Any.
        """
        kinds = range(len(self.kinds) if case.first is None else 0)
        return [changed(case, first=kind) for kind in kinds]

    def placement(self, case: LayoutCase, walk: Walk) -> list[int]:
        """The node of every layer.

        Parameters
        ----------
        case, walk
            A walk of the case that uses no kind too often.
        """
        free = [list(kind[::-1]) for kind in self.kinds]
        nodes = [0] * len(self.chain.layers)
        if case.opener is not None:
            nodes = [free[case.opener].pop()] * len(nodes)
        for kind, start, end in walk:
            nodes[start:end] = [free[kind].pop()] * (end - start)
        return nodes

    def overused(self, case: LayoutCase, walk: Walk) -> list[int]:
        """Kinds that a walk uses more often than they have nodes.

        Parameters
        ----------
        case, walk
            Of the case.
        """
        used = np.bincount([kind for kind, _, _ in walk], minlength=len(self.kinds))
        return [int(kind) for kind in np.flatnonzero(used > self._left(case))]

    def _left(self, case: LayoutCase) -> NDArray[np.int64]:
        """[kinds]: nodes beside the opener."""
        left = self.counts.copy()
        if case.opener is not None:
            left[case.opener] -= 1
        return left

    def line(self, case: LayoutCase) -> RangeLine:
        """The line whose walks are a case's layouts.

        Parameters
        ----------
        case
            One of these.
        """
        allowed = self.cut_sets[case.cuts]
        stages = np.where(allowed[:, None] & allowed, self.stages, inf)
        starts, ends = self._whole(case) if case.opener is None else self._opened(case, case.opener)
        starts = np.where(allowed, starts, inf)
        if case.first is not None:
            starts[np.arange(len(starts)) != case.first] = inf
        if case.last is not None:
            ends[np.arange(len(ends)) != case.last] = inf
        left = self._left(case)
        stages[left == 0] = inf
        hops = np.where(self.busy.hops <= self.slack, self.ways.hops, inf)
        if case.opener is not None and left[case.opener] < 2:
            hops[:, case.opener, case.opener] = inf
        line = RangeLine(
            counts=left,
            stages=stages,
            hops=hops,
            starts=starts,
            ends=np.where(allowed, ends, inf),
            join=np.maximum if self.counting == "longest" else np.add,
            partial=None if self.blocks is None else self.blocks.partial(stages),
        )
        if self.counting == "kept":
            return line.counted()
        return self._busy_line(case, line) if self.counting == "busy" else line

    def _whole(self, case: LayoutCase) -> tuple[Table, Table]:
        """Starts and ends where every node has one range."""
        busy, shape = self.busy, self.stages.shape[:2]
        starts, ends = np.full(shape, inf), np.full(shape, inf)
        starts[:, 0] = np.where(busy.enter <= self.slack, self.ways.enter, inf)
        ends[:, -1] = np.where(busy.leave <= self.slack, self.ways.leave, inf)
        if case.first is None or (case.first, case.last) != (self.target, self.source):
            return starts, ends
        if case.first != case.last:  # the input and the result take the same way
            both = float(self.chain.on_one_way(busy.enter[case.first], busy.leave[case.last]))
            starts[case.first, 0] = self._counted(starts[case.first, 0], both)
        return starts, ends

    def _opened(self, case: LayoutCase, opener: int) -> tuple[Table, Table]:
        """Starts after an opener's first range, and ends with its last one."""
        busy, head, tail = self.busy, self.stages[opener, 0], self._tail(opener, case.low)
        if case.tail is not None:
            tail = np.where(np.arange(len(tail)) == case.tail, tail, inf)
        out_busy, back_busy = busy.hops[:, opener].T.copy(), busy.hops[:, :, opener].T.copy()
        if self.target is not None and self.target != opener:
            row = out_busy[self.target]
            out_busy[self.target] = self.chain.on_one_way(row, busy.leave[opener])
        if self.source is not None and self.source != opener:
            row = back_busy[self.source]
            back_busy[self.source] = self.chain.on_one_way(row, busy.enter[opener])
        within = np.zeros(head.shape, bool)
        within[case.low : case.high + 1] = True
        if self.counting in ("sum", "kept"):
            starts = self.ways.enter[opener] + head + self.ways.hops[:, opener].T
            ends = self.ways.hops[:, :, opener].T + tail + self.ways.leave[opener]
        else:
            starts = np.maximum(np.maximum(head, busy.enter[opener]), out_busy)
            ends = np.maximum(np.maximum(head[case.low] + tail, busy.leave[opener]), back_busy)
        can_start = within & (np.maximum(out_busy, busy.enter[opener]) <= self.slack)
        if case.tail is not None:
            can_start &= self._beside_tail(opener, case.tail)
        can_end = np.maximum(back_busy, head[case.low] + tail) <= self.slack
        can_end &= busy.leave[opener] <= self.slack
        return np.where(can_start, starts, inf), np.where(can_end, ends, inf)

    def _tail(self, opener: int, low: int) -> Table:
        """[layers + 1]: seconds of an opener's last range by its start, where memory has room for
        it beside its first one of so many layers."""
        chain, node = self.chain, self.models[opener]
        tail = self.stages[opener, :, -1].copy()
        count, owners = len(chain.layers), set(chain.owners[:low].tolist())
        weights = chain.arrays.weight_bytes[list(chain.layers)]
        held = chain.bytes_of(list(range(low)))
        for start in range(count - 1, low, -1):
            held += float(chain.own_bytes[start] - weights[start])
            owner = int(chain.owners[start])
            held += 0.0 if owner in owners else float(weights[start])
            owners.add(owner)
            if held > chain.room_bytes[node]:
                tail[start] = inf
        tail[: low + 1] = inf
        return tail

    def _beside_tail(self, opener: int, tail: int) -> NDArray[np.bool_]:
        """[layers + 1]: for how many layers at the start an opener has memory and time beside its
        last range from here."""
        chain, node, head = self.chain, self.models[opener], self.stages[opener, 0]
        last = list(range(tail, len(chain.layers)))
        fits: NDArray[np.bool_] = head + self.stages[opener, tail, -1] <= self.slack
        for count in np.flatnonzero(fits).tolist():
            held = chain.bytes_of([*range(min(count, tail)), *last])
            fits[count] = held <= chain.room_bytes[node]
        return fits

    def _counted(self, cost: float, busy_s: float) -> float:
        """A start's cost where a link is busy for so long."""
        if busy_s > self.slack:
            return inf
        return max(cost, busy_s) if self.counting == "longest" else cost

    def _busy_line(self, case: LayoutCase, line: RangeLine) -> BusyLine:
        """The line with nodes that are busy with what they send and receive."""
        busy, halted, beside = self.possible, self.halted, self._beside(case)
        hops = busy.hops
        ins = hops * halted + beside
        outs = hops * halted[:, None]
        starts, ends, end_outs = line.starts, line.ends, np.zeros_like(line.ends)
        if case.opener is None:
            enter, leave = busy.enter * halted, busy.leave * halted
            starts = np.where(starts <= self.slack, (enter + beside)[:, None], inf)
            end_outs[:, -1] = leave
        else:
            opener, head = case.opener, self.stages[case.opener, 0]
            starts = np.where(starts <= self.slack, ins[:, opener].T, inf)
            out = min(hops[:, opener].T[np.isfinite(line.starts)].tolist(), default=0.0)
            own = head[case.low] + beside[opener] + halted[opener] * out
            own += halted[opener] * (busy.enter[opener] + busy.leave[opener])
            own = own + self._tail(opener, case.low) + halted[opener] * hops[:, :, opener].T
            ends = np.where(own <= self.slack, ends, inf)
            end_outs = outs[:, :, opener].T
        if self._idles_too_long(case):
            starts = np.full_like(starts, inf)
        fields = {name: getattr(line, name) for name in ("counts", "stages", "hops")}
        return BusyLine(
            **fields,
            starts=starts,
            ends=ends,
            limit=self.slack,
            outs=outs,
            ins=ins,
            end_outs=end_outs,
        )

    def _idles_too_long(self, case: LayoutCase) -> bool:
        """Whether a node without layers sends the input and receives the result for too long."""
        arrays = self.chain.arrays
        first, last = (case.first, case.last) if case.opener is None else (case.opener,) * 2
        if arrays.source is None or arrays.source != arrays.results_to:
            return False
        if arrays.instance.nodes[arrays.source].overlap or first is None or last is None:
            return False
        return float(self.busy.enter[first] + self.busy.leave[last]) > self.slack

    def _beside(self, case: LayoutCase) -> Table:
        """[kinds]: how long nodes are busy with the input that they send, and with the result that
        they receive, for ends elsewhere that are known."""
        first, last = (case.first, case.last) if case.opener is None else (case.opener,) * 2
        beside = np.zeros(len(self.kinds))
        if self.source is not None and first not in (None, self.source):
            beside[self.source] += self.halted[self.source] * self.possible.enter[first]
        if self.target is not None and last not in (None, self.target):
            beside[self.target] += self.halted[self.target] * self.possible.leave[last]
        return beside
