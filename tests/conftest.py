"""Strict answers in every test: a wrong one raises instead of becoming a status."""

import os
import signal

import pytest
from hypothesis import settings

os.environ["SPLITFOG_STRICT"] = "1"  # set before any worker process starts
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# most time goes into compiling what runs once: not optimised, and as one piece
COMPILED_QUICKLY = (
    "--xla_backend_optimization_level=0",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
)
os.environ.setdefault("XLA_FLAGS", " ".join(COMPILED_QUICKLY))
# processes that tests start find the sources compiled; without, each compiles them for itself
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# a run in the background inherits an ignored SIGINT, and the tests of Ctrl-C would wait for ever
signal.signal(signal.SIGINT, signal.default_int_handler)
settings.register_profile("splitfog", deadline=None, derandomize=True)
settings.load_profile("splitfog")


@pytest.fixture(autouse=True)
def _strict(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPLITFOG_STRICT", "1")
