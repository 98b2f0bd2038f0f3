"""What several tests of kernels are run with."""

import pytest

from tapegrad.native import fold


@pytest.fixture(params=["narrow arrays are turned", "row by row"])
def narrow(request, monkeypatch):
    """Both ways in which arrays with short rows are gone over."""
    monkeypatch.setattr("tapegrad.native.narrow.LEAST", 1 << 62 if request.param == "row by row" else 1)
    fold._plan.cache_clear()
    yield
    fold._plan.cache_clear()
