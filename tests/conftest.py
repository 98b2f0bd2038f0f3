"""What all tests share."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest
from hypothesis import settings

# What torch gives at nan and -0. depends on how many elements its vectors hold.
os.environ.setdefault("ATEN_CPU_CAPABILITY", "avx2")

# A run of the tests tries the same examples every time; `pytest --hypothesis-profile=random` tries new ones.
settings.register_profile("repeatable", derandomize=True, database=None)
settings.register_profile("random", derandomize=False)
settings.load_profile("repeatable")


@pytest.fixture
def eager_switching() -> Iterator[None]:
    """Threads take turns several times within a step."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)
