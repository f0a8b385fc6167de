"""docs/adapting.md names every rule, estimate and rival there is, and no others."""

from __future__ import annotations

from splitfog.deployment.adaptation.by_name import RULES
from splitfog.deployment.adaptation.estimators import ESTIMATORS
from splitfog.deployment.ways.making import RIVALS
from tests.docs.pages import table

PAGE = "adapting.md"


def test_rules() -> None:
    """As they are written."""
    assert list(table(PAGE, "Rules")) == [kind.form for kind in RULES.values()]


def test_estimates() -> None:
    """As they are written."""
    assert list(table(PAGE, "Estimates")) == [kind.form for kind in ESTIMATORS.values()]


def test_rivals() -> None:
    """By name."""
    assert set(table(PAGE, "Rivals")) == set(RIVALS)
