"""`halda`: who reads weights from disk is guessed, the fastest are filled, weak ones dropped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from splitfog.baselines.language_models.stack import Shares, Stack, limited, shared_out
from splitfog.solvers.base import Answer, Request

Counts = NDArray[np.int64]


def solve_halda(request: Request) -> Answer:
    """Blocks by a linear program whose sets of machines with too little memory are guessed.

    After Halda of prima.cpp: numbers of blocks are first in proportion to memory; whose share does
    not fit is taken to read blocks from its disk, whose does is held to its memory; with these sets
    the time of all blocks together is least, and the sets are guessed anew from that until nothing
    changes. A machine that reads from disk beside one with free memory is held to its memory, too.
    Then who has one block is dropped, but for the first, and all begins anew. The first machine
    is the source, where that may have blocks, and has both ends of the model.

    Ours: a machine has one memory and one speed, so there is no dividing between CPU and GPU; every
    disk is as fast; for fixed sets the program is solved by filling machines, fastest first; one
    round of the ring only (k = 1), since more rounds are only coarser in its own objective; it ends
    where guesses repeat. A plan that reads from disk is none here: memory refuses it. Ignores links
    and the order of machines. O(N^2 (N + L)) per guess.

    Option `disk_bytes_per_s`: how fast disks are.

    Raises
    ------
    SolverDeclined
        For several tasks, models with branches and machines without a limit of memory.
    """
    speed = request.options["disk_bytes_per_s"]
    return shared_out(request, "halda", partial(_shares, disk_bytes_per_s=speed), ring=True)


def _shares(stack: Stack, disk_bytes_per_s: float) -> Shares | str:
    limited(stack, "halda")
    source = stack.arrays.source
    machines = sorted(stack.machines, key=lambda machine: machine != source)
    while True:
        if len(machines) > len(stack.blocks):
            return f"{len(stack.blocks)} blocks are fewer than {len(machines)} machines"
        counts = settled(_cluster(stack, machines, disk_bytes_per_s))
        if counts is None:
            return "its guess of who reads from disk leaves no numbers of blocks"
        strong = (counts > 1) | (np.arange(len(counts)) == 0)
        if strong.all():
            return list(zip(machines, counts.tolist(), strict=True))
        machines = [machine for machine, kept in zip(machines, strong, strict=True) if kept]


@dataclass(frozen=True, eq=False, kw_only=True)
class Cluster:
    """Machines: seconds of a block, memory, and how many blocks it holds; seconds that a block
    takes from disk."""

    blocks: int
    block_s: NDArray[np.float64]
    memory_bytes: NDArray[np.float64]
    most: NDArray[np.float64]
    disk_s: float


def _cluster(stack: Stack, machines: list[int], disk_bytes_per_s: float) -> Cluster:
    own = stack.held_bytes(stack.blocks) / len(stack.blocks)
    room = stack.room_bytes[machines]
    room[0] -= stack.held_bytes([*stack.before, *stack.after])
    most = np.where(room >= 0, room / own if own else np.inf, -1.0)
    return Cluster(
        blocks=len(stack.blocks),
        block_s=stack.block_s[machines],
        memory_bytes=stack.room_bytes[machines],
        most=most,
        disk_s=own / disk_bytes_per_s,
    )


def settled(cluster: Cluster) -> Counts | None:
    """Numbers of blocks when the sets are guessed no more; None where none was ever found."""
    counts = _first_guess(cluster)
    found: Counts | None = None
    held = np.zeros(len(counts), bool)
    seen = set()
    while True:
        over = (counts > cluster.most) & ~held
        if (key := (over.tobytes(), held.tobytes())) in seen:
            return found
        seen.add(key)
        best = _filled(cluster, over)
        if best is None:
            return found
        found = best
        has_free = (best < np.floor(cluster.most)).any()
        reads = over & (best > cluster.most)
        if (best > 1).all() and has_free and reads.any():
            held[reads.argmax()] = True
        else:
            counts = best


def _first_guess(cluster: Cluster) -> Counts:
    """In proportion to memory, rounded, at least one each; what is left over goes to the machine of
    most memory, what is too much comes off the one of least."""
    exact = cluster.memory_bytes / cluster.memory_bytes.sum() * cluster.blocks
    counts: Counts = np.floor(exact + 0.5).astype(np.int64)
    for without in np.flatnonzero(counts == 0):
        counts[without] = 1
        counts[counts.argmax()] -= counts.max() > 1
    left = cluster.blocks - int(counts.sum())
    memory = cluster.memory_bytes
    counts[memory.argmax() if left > 0 else memory.argmin()] += left
    return counts


def _filled(cluster: Cluster, over: NDArray[np.bool_]) -> Counts | None:
    """The numbers of least time: who is over its memory stays it, who is not stays within."""
    least = np.where(over, np.maximum(np.ceil(cluster.most), 1.0), 1.0)
    most = np.where(over, cluster.blocks, np.minimum(np.floor(cluster.most), cluster.blocks))
    left = cluster.blocks - least.sum()
    if (least > most).any() or left < 0 or (most - least).sum() < left:
        return None
    counts = least.astype(np.int64)
    seconds = cluster.block_s + np.where(over, cluster.disk_s, 0.0)
    for machine in np.argsort(seconds, kind="stable").tolist():
        more = int(min(left, most[machine] - least[machine]))
        counts[machine] += more
        left -= more
    return counts
