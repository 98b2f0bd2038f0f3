"""Writes tapegrad/data/iris.csv from scikit-learn's copy of the data set.

Run `python tools/make_iris.py` where scikit-learn is installed; nothing else needs it.
"""

from pathlib import Path

from sklearn.datasets import load_iris

TARGET = Path(__file__).parents[1] / "tapegrad" / "data" / "iris.csv"
HEADER = """\
# Iris: four lengths in cm of 150 flowers, 50 of each class.
# Source: R. A. Fisher, "The use of multiple measurements in taxonomic problems", Annals of Eugenics 7 (1936),
#     179-188; measured by E. Anderson. UCI Machine Learning Repository, https://doi.org/10.24432/C56C76.
# Copy: scikit-learn's (sklearn.datasets.load_iris). Flowers 35 and 38, counted from 1 and both setosa, have
#     Fisher's values there; UCI says of its own file that it deviates from them in these two.
# Licence: CC BY 4.0, as UCI states (https://creativecommons.org/licenses/by/4.0/); scikit-learn, itself
#     BSD-3-Clause, states no terms of its own for the data.
# Made by tools/make_iris.py.
"""


def main() -> None:
    """Writes the header, the column names, and one row per flower with the name of its class."""
    data = load_iris()
    names = [str(name) for name in data.target_names]
    lines = [",".join([*data.feature_names, "class"])]
    for row, k in zip(data.data.tolist(), data.target.tolist(), strict=True):
        lines.append(",".join([*map(str, row), names[k]]))
    TARGET.write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
