"""A plan of a language model as its runtimes take it: runs of blocks, one after another.

The model is a chain of what is before the blocks (the embedding), blocks, and what is behind them
(the last norm, the head). Blocks are its layers of attention and those that keep a state; in a
chain without such layers, the longest run of layers of one kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from splitfog.deployment.exporters.asked import Asked
from splitfog.formulations.chain import chain_layers, why_no_chain
from splitfog.instances.records import Layer, Model, changed

BLOCKS = ("linear", "matmul", "other")
"""Kinds of blocks that are no attention and keep no state."""
AHEAD = ("embedding",)
"""What may be before them."""
BEHIND = ("norm", "linear", "matmul", "activation", "softmax", "identity")
"""What may be behind them."""
TOGETHER = "splitfog edit --group keeps layers on one node"
"""What helps where a plan has them on several."""
NO_WORK = "identity"
"""Behind the head: a token on its way to the first node."""


@dataclass(frozen=True)
class Parts:
    """Layers of a chain, in order: before the blocks, the blocks, and behind them."""

    before: tuple[Layer, ...]
    blocks: tuple[Layer, ...]
    behind: tuple[Layer, ...]

    @property
    def alike(self) -> bool:
        """Whether all blocks cost the same, and so do the tensors between them and before them."""
        first, *others = [changed(block, name="block", inputs=()) for block in self.blocks]
        sizes = {layer.output_bytes for layer in (*self.before[-1:], first)}
        return len(sizes) == 1 and all(block == first for block in others)


@dataclass(frozen=True)
class Run:
    """Blocks on one node, from `start` up to `end`, counted from 0."""

    node: str
    start: int
    end: int

    def __len__(self) -> int:
        """How many blocks it has."""
        return self.end - self.start

    def __str__(self) -> str:
        """`0-2`, both included, or `3`."""
        return f"{self.start}-{self.end - 1}" if len(self) > 1 else str(self.start)


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Runs of blocks in order, each as long as it can be, and the nodes of both ends.

    Attributes
    ----------
    runs : the last one ends with the last block.
    first, last : nodes of the embedding and of the head; None: the model has none.
    source : node of the task's data.
    alike : whether all blocks, and all tensors that they read, cost the same.
    """

    runs: tuple[Run, ...]
    first: str | None
    last: str | None
    source: str | None
    alike: bool

    @property
    def blocks(self) -> int:
        """How many there are."""
        return self.runs[-1].end

    @property
    def master(self) -> str:
        """The node that looks tokens up: the embedding's, else that of the data or of block 0."""
        return self.first or self.source or self.runs[0].node

    @property
    def head(self) -> str:
        """The node of the head, else that of the last block."""
        return self.last or self.runs[-1].node

    def of(self, node: str) -> tuple[Run, ...]:
        """The runs of a node."""
        return tuple([run for run in self.runs if run.node == node])

    def line(self, runtime: str) -> tuple[Run, ...]:
        """The runs, for a runtime whose nodes are in a line.

        Raises
        ------
        ValueError
            Where a node has several runs, or an end is not beside the block next to it.
        """
        self.once_each(runtime)
        self.beside_ends(runtime)
        return self.runs

    def beside_ends(self, runtime: str) -> None:
        """`ValueError` where embedding or head is not on the node of the block next to it."""
        for end, node, block in (("embedding", self.first, 0), ("head", self.last, -1)):
            beside, at = self.runs[block].node, block % self.blocks
            if node not in (None, beside):
                raise ValueError(
                    f"{runtime} has the {end} beside block {at}, "
                    f"but the plan has it on {node} and block {at} on {beside}; {TOGETHER}"
                )

    def once_each(self, runtime: str, but: str | None = None) -> None:
        """`ValueError` where a node has several runs, other than `but` at both ends."""
        for node in {run.node: None for run in self.runs}:
            runs = self.of(node)
            at_ends = runs == (self.runs[0], self.runs[-1])
            if len(runs) > 1 and not (node == but and at_ends):
                raise ValueError(
                    f"{runtime} gives a node one run of blocks, "
                    f"but {node} has the blocks {', '.join(map(str, runs))}"
                )

    def ring(self, runtime: str) -> tuple[Run, ...]:
        """The runs of a ring that begins behind the master, whose run, maybe empty, is the last.

        The master has both ends. What it has at the beginning is moved behind the other blocks,
        which changes no cost where blocks are alike.

        Raises
        ------
        ValueError
            Where an end is not the master's, another node has several runs, the master's run is
            within, or moving it would change costs.
        """
        master = self.master
        if self.last not in (None, master):
            raise ValueError(
                f"{runtime} has the embedding and the head on one node, its master, "
                f"but the plan has them on {master} and {self.last}; {TOGETHER}"
            )
        self.once_each(runtime, but=master)
        own = self.of(master)
        if own and own[0].start and own[-1].end < self.blocks:
            raise ValueError(
                f"{runtime} has its master's blocks beside an end, "
                f"but {master}, which has the ends, has the blocks {own[0]}"
            )
        others = [run for run in self.runs if run.node != master]
        moved = own[0].end if own and not own[0].start and others else 0
        if moved and not self.alike:
            raise ValueError(
                f"{runtime} gives its master the last blocks, but the plan gives {master} "
                f"the blocks {own[0]}, and not all blocks and tensors are alike"
            )
        runs = [Run(run.node, run.start - moved, run.end - moved) for run in others]
        return (*runs, Run(master, runs[-1].end if runs else 0, self.blocks))

    def moved(self, runs: tuple[Run, ...]) -> tuple[str, ...]:
        """A line where the runs of `ring` are not those of the plan."""
        if len(self.runs) == 1 or runs[0] == self.runs[0]:
            return ()
        return (f"{self.master} has the last blocks, not the first: all are alike",)


def pipeline_of(asked: Asked) -> Pipeline:
    """The plan as runs of blocks.

    Raises
    ------
    ValueError
        Where the model is no chain of blocks, or the plan has stages or an end on several nodes.
    """
    placement = asked.placement()
    given = asked.given
    parts = parts_of(given.alone.model_of(given.task))
    nodes = [placement[block.name] for block in parts.blocks]
    return Pipeline(
        runs=tuple(_runs(nodes)),
        first=_end([placement[layer.name] for layer in parts.before], "before"),
        last=_end([placement[x.name] for x in parts.behind if x.op != NO_WORK], "behind"),
        source=given.task.source,
        alike=parts.alike,
    )


def parts_of(model: Model) -> Parts:
    """The parts of a chain of blocks.

    Raises
    ------
    ValueError
        Where it is none, saying why.
    """
    if (why := why_no_chain(model)) is not None:
        raise ValueError(why)
    chain = [model.layers[layer] for layer in chain_layers(model)]
    if not chain:
        raise _no_chain(model, "it has an input only")
    marked = [layer.op == "attention" or layer.state_bytes > 0 for layer in chain]
    known = any(marked)
    start, end = _span(marked) if known else _longest([layer.op for layer in chain])
    parts = Parts(tuple(chain[:start]), tuple(chain[start:end]), tuple(chain[end:]))
    if not all(marked[start:end]) and known:
        within = chain[marked.index(False, start)]
        raise _no_chain(model, f"layer {within.name} is between blocks, each of which is one layer")
    for side, allowed in (
        (parts.before, AHEAD),
        (parts.blocks, BLOCKS),
        (parts.behind, BEHIND),
    ):
        for layer in side:
            if not known and layer.op not in allowed:
                raise _no_chain(model, f"layer {layer.name} is no block and no end")
    return parts


def _no_chain(model: Model, why: str) -> ValueError:
    return ValueError(f"model {model.name} is no chain of blocks: {why}")


def _span(marked: list[bool]) -> tuple[int, int]:
    """From the first that is marked to behind the last one."""
    return marked.index(True), len(marked) - marked[::-1].index(True)


def _longest(kinds: list[str]) -> tuple[int, int]:
    """The first of the longest runs of one kind."""
    lengths = [(kind, len(list(run))) for kind, run in groupby(kinds)]
    best = max(range(len(lengths)), key=lambda at: lengths[at][1])
    start = sum(length for _, length in lengths[:best])
    return start, start + lengths[best][1]


def _runs(nodes: list[str]) -> Iterator[Run]:
    for node, own in groupby(enumerate(nodes), key=itemgetter(1)):
        blocks = [block for block, _ in own]
        yield Run(node, blocks[0], blocks[-1] + 1)


def _end(nodes: list[str], side: str) -> str | None:
    """The one node of what is on a side of the blocks; None where nothing is."""
    if len(set(nodes)) > 1:
        names = " and ".join(dict.fromkeys(nodes))
        raise ValueError(f"what is {side} the blocks is on {names}, must be on one node")
    return nodes[0] if nodes else None
