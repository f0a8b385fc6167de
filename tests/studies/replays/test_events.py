"""Events replayed: what each way comes to, by hand."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

import splitfog as sf
from splitfog.studies.replays.events import WAYS
from tests.cases.small_fog import two_users_one_fog

EVENTS = sf.Events(
    name="by-hand",
    duration_s=10.0,
    events=(
        {"time_s": 2.0, "link": ["user0", "fog"], "bandwidth_bps": 4e6},
        {"time_s": 4.0, "node": "fog", "up": False},
        {"time_s": 5.0, "node": "fog", "up": True},
        {"time_s": 6.0, "task": "task1", "leaves": True},
    ),
)


@pytest.fixture(scope="module")
def found() -> sf.EventReplay:
    """Two users of a fog node that gets far for one, fails, returns; then one leaves."""
    instance = two_users_one_fog()
    return sf.replay_events(instance, EVENTS, sf.solve(instance, "dina-p"))


def test_values_by_hand(found: sf.EventReplay):
    """Rates of 1e-3 make waits small. At home 2 s; at the fog node .1 s and 1 MB sent before.

    task0 sends for .1 s at 80 Mbit/s and for 2 s at 4 Mbit/s, task1 for 1 s at 8 Mbit/s.
    """
    means = {
        "repair": [0.65, 1.55, 2.0, 1.55, 2.0],
        "dina": [0.65, 1.55, 2.0, 1.55, 2.0],
        "static": [0.65, 1.6, 2.0, 1.6, 2.1],
    }
    for way, values in means.items():
        rows = [row.value for row in found.rows if row.way == way]
        assert rows == pytest.approx(values, rel=2e-3)


def test_a_mean_over_time_by_hand(found: sf.EventReplay):
    """2 s of the first plan, 2 s, 1 s, 1 s, and 4 s of the last."""
    by_way = {way.way: way for way in found.ways}
    right = (2 * 0.65 + 2 * 1.55 + 1 * 2.0 + 1 * 1.55 + 4 * 2.0) / 10
    assert by_way["repair"].mean_s == pytest.approx(right, rel=2e-3)
    left = (2 * 0.65 + 2 * 1.6 + 1 * 2.0 + 1 * 1.6 + 4 * 2.1) / 10
    assert by_way["static"].mean_s == pytest.approx(left, rel=2e-3)
    # task0 goes home, task1 goes home, task1 goes back
    assert by_way["repair"].changed == 3
    assert by_way["static"].changed is None
    assert all(way.without_plan == 0 for way in found.ways)


def test_the_time_without_a_plan_counts_for_nobody():
    """By hand: at home rho would be 2 s x .6 = 1.2, so while the fog node is down none has one."""
    instance = two_users_one_fog(rate=0.6)
    plan = sf.solve(instance, "dina-p")
    events = sf.Events(name="down", duration_s=10.0, events=EVENTS.events[1:3])
    found = sf.replay_events(instance, events, plan, ["repair", "static"])
    values = [row.value for row in found.rows if row.way == "repair"]
    assert values[1] is None
    assert values[2] == pytest.approx(plan.value, rel=1e-9)
    for way in found.ways:
        assert way.without_plan == pytest.approx(0.1)
        assert way.mean_s == pytest.approx(plan.value, rel=1e-9)


def test_means_are_over_the_time_in_which_all_have_a_plan():
    """By hand: 1 MB at 3 Mbit/s is 2.67 s, x .45 a link's load of 1.2; at home rho is 2 x .45 = .9.

    So for 2 of 10 s a static plan is none, and the repaired one's longer mean counts for neither.
    """
    instance = two_users_one_fog(rate=0.45)
    plan = sf.solve(instance, "dina-p")
    link = {"link": ["user0", "fog"]}
    steps = ({"time_s": 2.0, "bandwidth_bps": 3e6}, {"time_s": 4.0, "bandwidth_bps": 80e6})
    events = sf.Events(name="slow", duration_s=10.0, events=tuple({**own, **link} for own in steps))
    found = sf.replay_events(instance, events, plan, ["repair", "static"])
    values = {way: [row.value or inf for row in found.rows if row.way == way] for way in WAYS}
    assert values["static"][1] == inf
    assert inf > values["repair"][1] > 5  # a wait at rho .9
    by_way = {way.way: way for way in found.ways}
    assert by_way["repair"].mean_s == pytest.approx(plan.value, rel=1e-9)
    assert (by_way["repair"].without_plan, by_way["static"].without_plan) == (0, 0.2)


def test_a_row_an_event_and_way(found: sf.EventReplay, tmp_path: Path):
    """And as CSV; the replay shows itself in a line."""
    assert len(found.rows) == 3 * (1 + len(EVENTS.events))
    found.to_csv(tmp_path / "rows.csv")
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    assert len(lines) == 1 + len(found.rows)
    assert lines[0].startswith("time_s,event,way,status,value")
    assert repr(found).startswith("<EventReplay of two-users: 4 events; repair 1.6 s")
    assert "static" in found._repr_html_()


def test_an_event_that_cannot_be_is_named():
    """With its place among the events."""
    events = sf.Events(name="twice", duration_s=9.0, events=(EVENTS.events[1],) * 2)
    instance = two_users_one_fog()
    with pytest.raises(ValueError, match=r"events\[1\]: node fog is down already"):
        sf.replay_events(instance, events, sf.solve(instance, "dina-p"), "static")
