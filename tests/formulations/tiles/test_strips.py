"""Strips of unequal rectangles: every map once, nobody beyond the time, what is read exact."""

from __future__ import annotations

import numpy as np
import pytest

import splitfog as sf
from splitfog.formulations.tiles.grids import cover_defects
from splitfog.formulations.tiles.regions import regions
from splitfog.formulations.tiles.spans import shares_of, spans_of
from splitfog.formulations.tiles.stage_shape import geometry_of, stage_shape_defects
from splitfog.formulations.tiles.strips import Members, strip_covers, strip_rectangles
from tests.formulations.stage_bounds.streams import streams


def stages():
    """Legal stages of random models: the model's middle, or what of it is one."""
    for seed in range(80):
        model = streams(np.random.default_rng(seed)).models[0]
        inner = [at for at, layer in enumerate(model.layers) if layer.op not in ("input", "linear")]
        for count in range(len(inner), 0, -1):
            layers = tuple(inner[:count])
            if not stage_shape_defects(model, layers):
                yield geometry_of(model, layers)
                break


def members_of(rng, geometry, count=4):
    """Members of any speed and way; time is for work, for the input and for the output."""
    slots = len(geometry.layers) + 1
    basis = np.zeros((3, slots))
    basis[0, :-1] = rng.uniform(0, 1, slots - 1)
    basis[1, -1] = basis[2, -2] = 1.0
    return Members(
        start_s=rng.choice([0.0, 0.1], count), rate=rng.uniform(0.1, 1, (count, 3)), basis=basis
    )


def test_sizes_become_rectangles():
    """Strips of 2 and 1 rows, cut at 3 and nowhere."""
    found = strip_rectangles([2, 1], [[3, 1], [4]])
    assert found.tolist() == [[0, 2, 0, 3], [0, 2, 3, 4], [2, 3, 0, 4]]
    assert cover_defects(3, 4, found) == []


@pytest.mark.parametrize(
    ("heights", "widths", "said"),
    [
        ([1], [[1], [1]], "2 lists of widths"),
        ([1, 1], [[2], [3]], "strips of 2, 3 columns"),
        ([0], [[1]], "must be >= 1"),
        ([1], [[2, 0]], "must be >= 1"),
    ],
)
def test_sizes_that_are_none(heights, widths, said):
    """A sentence says which rule a size breaks."""
    with pytest.raises(ValueError, match=said):
        strip_rectangles(heights, widths)


def test_spans_are_the_reverse_calculation():
    """Shares by two tables are those of the reverse tile calculation, for any rectangle."""
    rng, compared = np.random.default_rng(0), 0
    for geometry in stages():
        if any(reach is not None and reach.may_miss for reach in geometry.reaches):
            continue
        rows = np.sort(rng.integers(0, geometry.height + 1, (30, 2)), axis=1)
        columns = np.sort(rng.integers(0, geometry.width + 1, (30, 2)), axis=1)
        tiles = np.concatenate([rows, columns], axis=1)
        tiles = tiles[(rows[:, 0] < rows[:, 1]) & (columns[:, 0] < columns[:, 1])]
        shares = shares_of(spans_of(geometry), tiles)
        assert shares == pytest.approx(regions(geometry, tiles).shares, abs=1e-12)
        compared += len(tiles)
    assert compared > 300


def test_covers_are_whole_and_in_time():
    """Every cover has the map exactly once, a member at most once, and nobody takes longer."""
    rng, found = np.random.default_rng(1), 0
    for geometry in stages():
        spans, members = spans_of(geometry), members_of(rng, geometry)
        levels = np.geomspace(0.05, 3, 12)
        for level, cover in zip(levels, strip_covers(spans, members, levels), strict=True):
            if cover is None:
                continue
            assert cover_defects(geometry.height, geometry.width, cover.rectangles) == []
            assert len(set(cover.member.tolist())) == len(cover.member)
            seconds = members.seconds(shares_of(spans, cover.rectangles), cover.member)
            assert (seconds <= level * (1 + 1e-9)).all()
            found += len(cover.member) > 1
    assert found > 50


def test_where_one_member_is_enough_there_is_a_cover():
    """In twice the time that the fastest takes for the whole map a cover is found."""
    rng = np.random.default_rng(2)
    for geometry in stages():
        spans, members = spans_of(geometry), members_of(rng, geometry)
        whole = np.array([[0, geometry.height, 0, geometry.width]])
        shares = shares_of(spans, np.repeat(whole, 4, axis=0))
        alone = members.seconds(shares, np.arange(4)).min()
        assert strip_covers(spans, members, np.array([2 * alone]))[0] is not None


def test_unequal_members_share_a_network():
    """tiny-yolov2's first layers on ten unequal members: within 15 % of no halo, no rounding.

    Alone member j takes t_j for everything; if all could end at once, 1 / sum(1 / t_j).
    """
    model = sf.zoo.build("tiny-yolov2")
    geometry = geometry_of(model, tuple(range(1, 5)))
    slots = len(geometry.layers) + 1
    basis = np.zeros((1, slots))
    basis[0, :-1] = [model.layers[layer].flops for layer in geometry.layers]
    alone = np.linspace(1, 4, 10)
    rate = (alone / basis.sum())[:, None]
    members = Members(start_s=np.zeros(10), rate=rate, basis=basis)
    ideal = 1 / (1 / alone).sum()
    covers = strip_covers(spans_of(geometry), members, ideal * np.array([0.999, 1.15]))
    assert covers[0] is None
    assert covers[1] is not None
    assert len(covers[1].member) > 7
