"""python -m tapegrad: what it prints, what it writes, what it refuses."""

import json
import subprocess
import sys

import pytest

from tapegrad.__main__ import main

MSE = [
    "0.38849",
    "0.31679",
    "0.26379",
    "0.22463",
    "0.19527",
    "0.17307",
    "0.15629",
    "0.14352",
    "0.13360",
    "0.12600",
    "0.12007",
    "0.11547",
    "0.11178",
    "0.10884",
    "0.10656",
    "0.10470",
    "0.10320",
    "0.10200",
    "0.10105",
    "0.10025",
]


@pytest.fixture(autouse=True)
def no_torch(monkeypatch):
    """The comparison with PyTorch is a second process of some seconds; one test has it."""
    import tapegrad.cli.adaline as command

    monkeypatch.setattr(command, "_with_torch", lambda arguments: None)


def test_all_ways_print_the_lectures_numbers(capsys):
    assert main(["adaline", "--way", "all"]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines() if line[:5].strip().isdigit()]
    assert rows == [[str(i), mse, mse, mse] for i, mse in enumerate(MSE, 1)]
    assert out.count("92.86") == 3 and out.count("93.33") == 3 and "the 3 ways agree" in out


@pytest.mark.parametrize("way", ["manual", "grad", "nn"])
def test_one_way(capsys, way):
    assert main(["adaline", "--way", way, "--epochs", "2"]) == 0
    out = capsys.readouterr().out
    assert MSE[1] in out and MSE[2] not in out and "agree" not in out


def test_plot_and_graph_are_written(tmp_path, capsys):
    pytest.importorskip("matplotlib")
    plot, graph = tmp_path / "loss.png", tmp_path / "graph.svg"
    assert main(["adaline", "--way", "nn", "--epochs", "2", "--plot", str(plot), "--graph", str(graph)]) == 0
    assert plot.read_bytes().startswith(b"\x89PNG") and "mse_loss" in graph.read_text()
    assert "linear.weight" in graph.read_text() and str(plot) in capsys.readouterr().out


def test_json(capsys):
    assert main(["adaline", "--way", "nn", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [f"{x:.5f}" for x in found["nn"]["losses"]] == MSE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["adaline", "--epochs", "0"], "1 or more is needed"),
        (["adaline", "--epochs", "many"], "a whole number is needed"),
        (["adaline", "--way", "none"], "invalid choice"),
        (["adaline", "--graph", "g.bmp"], "must end in"),
        (["adaline", "--plot", "/no/such/folder/p.png"], "folder"),
        (["nothing"], "invalid choice"),
        ([], "required"),
    ],
)
def test_wrong_arguments_exit_2_with_a_message(capsys, arguments, message):
    with pytest.raises(SystemExit) as exit_:
        main(arguments)
    assert exit_.value.code == 2 and message in capsys.readouterr().err


def test_missing_matplotlib_is_said(monkeypatch, capsys, tmp_path):
    import tapegrad.cli.adaline as command

    monkeypatch.setattr(command, "find_spec", lambda name: None)
    assert main(["adaline", "--plot", str(tmp_path / "p.png")]) == 1
    assert "pip install 'tapegrad[plot]'" in capsys.readouterr().err


def test_info(capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    for word in ("tapegrad", "python", "numpy", "features", "threads", "tier native"):
        assert word in out


def test_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "tapegrad", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("tapegrad ")
