"""Strict answers in every test: a wrong one raises instead of becoming a status."""

import os

import pytest
from hypothesis import settings

os.environ["SPLITFOG_STRICT"] = "1"  # set before any worker process starts
os.environ.setdefault("JAX_PLATFORMS", "cpu")
settings.register_profile("splitfog", deadline=None, derandomize=True)
settings.load_profile("splitfog")


@pytest.fixture(autouse=True)
def _strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLITFOG_STRICT", "1")
