"""Data sets that come with the package: small ones, for lectures and tests."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["iris"]


def iris() -> tuple[NDArray[np.float64], NDArray[np.int64], tuple[str, ...], tuple[str, ...]]:
    """Fisher's Iris flowers: (features, target, names of the features, names of the classes).

    Shapes: features [150, 4], target [150]; rows 0..49 are setosa, 50..99 versicolor, 100..149 virginica.
    Units: features in cm (0.1 to 7.9); target is the class's place in its names, 0 to 2.
    Source: R. A. Fisher 1936, as scikit-learn has it (sklearn.datasets.load_iris); licence: CC BY 4.0.
    """
    text = files(__name__).joinpath("iris.csv").read_text(encoding="utf-8")
    head, *rows = csv.reader(line for line in text.splitlines() if not line.startswith("#"))
    classes = tuple(dict.fromkeys(row[-1] for row in rows))
    features: Any = np.array([row[:-1] for row in rows], np.float64)
    target = np.array([classes.index(row[-1]) for row in rows], np.int64)
    return features, target, tuple(head[:-1]), classes
