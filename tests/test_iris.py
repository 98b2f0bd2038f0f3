"""tapegrad.data.iris: Fisher's flowers, in scikit-learn's copy."""

import sys
from importlib import import_module
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pytest

import tapegrad.data
from tapegrad.data import iris

FOLDER = Path(tapegrad.data.__file__).parent


def test_values() -> None:
    features, target, names, classes = iris()
    assert (features.dtype, features.shape) == (np.float64, (150, 4))
    assert (target.dtype, target.shape) == (np.int64, (150,))
    assert names == ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
    assert classes == ("setosa", "versicolor", "virginica")
    assert target.tolist() == [0] * 50 + [1] * 50 + [2] * 50
    # What Fisher's paper prints for flowers 1, 35 and 38 of setosa, and the means over all.
    assert features[[0, 34, 37]].tolist() == [
        [5.1, 3.5, 1.4, 0.2],
        [4.9, 3.1, 1.5, 0.2],
        [4.9, 3.6, 1.4, 0.1],
    ]
    np.testing.assert_allclose(features.sum(0), [876.5, 458.6, 563.7, 179.9])


def test_each_call_gives_arrays_of_its_own() -> None:
    first = iris()[0]
    first[:] = 0
    assert iris()[0][0, 0] == 5.1


def test_scikit_learn_has_the_same() -> None:
    data = pytest.importorskip("sklearn.datasets").load_iris()
    features, target, names, classes = iris()
    np.testing.assert_array_equal(features, data.data)
    np.testing.assert_array_equal(target, data.target)
    assert (list(names), list(classes)) == (data.feature_names, data.target_names.tolist())


def test_the_file_states_source_and_licence() -> None:
    head = [line for line in (FOLDER / "iris.csv").read_text(encoding="utf-8").splitlines() if line[0] == "#"]
    assert all(word in "\n".join(head) for word in ("Fisher", "1936", "UCI", "scikit-learn", "CC BY 4.0"))


def test_it_reads_from_a_zip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = tmp_path / "archive.zip"
    with ZipFile(archive, "w") as file:
        for name in ("__init__.py", "iris.csv"):
            file.write(FOLDER / name, f"zipped_data/{name}")
    monkeypatch.syspath_prepend(archive)
    try:
        assert import_module("zipped_data").iris()[0].tolist() == iris()[0].tolist()
    finally:
        sys.modules.pop("zipped_data", None)
