"""python -m tapegrad adaline: the lectures' training run, with the lectures' numbers."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tapegrad.cli.ways import BATCH, WAYS, Library, Result, load, train

GRAPHS = (".svg", ".html", ".dot", ".mmd", ".txt")
PLOTS = (".png", ".svg", ".pdf", ".jpg")


def add_parser(commands: Any) -> None:
    """Add the command to a parser's subcommands."""
    p = commands.add_parser(
        "adaline",
        help="train ADALINE on Iris in the ways of the lectures",
        description="Trains ADALINE on Iris in one or all of the lectures' three ways: gradients by hand, by "
        "autograd.grad, and by nn.Module with optim.SGD. Prints the training error after each epoch and "
        "the accuracies.",
    )
    p.add_argument(
        "--way", choices=[*WAYS, "all"], default="all", help="which way; all, side by side, is the default"
    )
    p.add_argument("--epochs", type=_at_least_one, default=20, metavar="N", help="epochs to train (20)")
    p.add_argument(
        "--seed", type=_seed, default=123, metavar="N", help="seed of the shuffling (123, as in the lectures)"
    )
    p.add_argument(
        "--plot", type=_ending(PLOTS), metavar="FILE", help=f"write the loss curve ({', '.join(PLOTS)})"
    )
    p.add_argument(
        "--graph",
        type=_ending(GRAPHS),
        metavar="FILE",
        help=f"write the graph of a step ({', '.join(GRAPHS)})",
    )
    p.add_argument("--library", choices=["tapegrad", "torch"], default="tapegrad", help="what to train with")
    p.add_argument("--json", action="store_true", help="print the results as JSON and nothing else")
    p.set_defaults(run=run)


def _whole(text: str, least: int, most: int) -> int:
    """The number in text. Raises: ArgumentTypeError unless it is a whole one from least to most."""
    try:
        n = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is given; a whole number is needed") from None
    if n < least:
        raise argparse.ArgumentTypeError(f"{n} is given; {least} or more is needed")
    if n > most:
        raise argparse.ArgumentTypeError(f"{n} is given; {most} or less is needed")
    return n


def _at_least_one(text: str) -> int:
    return _whole(text, 1, 10**9)


def _seed(text: str) -> int:
    return _whole(text, -(2**63), 2**64 - 1)


def _ending(endings: tuple[str, ...]) -> Callable[[str], Path]:
    def check(text: str) -> Path:
        path = Path(text)
        if path.suffix.lower() not in endings:
            raise argparse.ArgumentTypeError(f"{text!r} must end in {', '.join(endings)}")
        if not path.absolute().parent.is_dir():
            raise argparse.ArgumentTypeError(f"the folder of {text!r} does not exist; make it first")
        return path

    return check


def run(arguments: argparse.Namespace) -> int:
    """Train, print, and write what was asked for. Returns the exit status."""
    say = sys.stdout.write
    if arguments.plot and not find_spec("matplotlib"):
        sys.stderr.write("adaline: --plot needs matplotlib; install it with: pip install 'tapegrad[plot]'\n")
        return 1
    if arguments.graph and arguments.library != "tapegrad":
        sys.stderr.write("adaline: --graph draws tapegrad's graph; leave --library out\n")
        return 2
    if arguments.library == "torch" and not find_spec("torch"):
        sys.stderr.write("adaline: --library torch needs PyTorch; install it with: pip install torch\n")
        return 1
    lib = Library(arguments.library)
    ways = list(WAYS) if arguments.way == "all" else [arguments.way]
    data = load(lib, arguments.seed)
    results = {
        way: train(lib, way, data, arguments.epochs, arguments.seed, _progress(way, arguments))
        for way in ways
    }
    if arguments.json:
        say(
            json.dumps({way: {"losses": r.losses, "seconds": r.seconds} for way, r in results.items()}) + "\n"
        )
        return 0
    for line in _report(results):
        say(line + "\n")
    for line in _speed(arguments, results):
        say(line + "\n")
    if arguments.plot:
        _plot(results, arguments.plot)
        say(f"loss curve    {arguments.plot}\n")
    if arguments.graph:
        _draw(arguments, results, arguments.graph)
        say(f"graph         {arguments.graph}\n")
    return 0


def _progress(way: str, arguments: argparse.Namespace) -> Callable[[Any], Any]:
    """A progress bar where a person waits: a terminal, a long run, and tqdm is there."""
    if arguments.json or arguments.epochs < 1000 or not sys.stderr.isatty() or not find_spec("tqdm"):
        return iter
    tqdm = import_module("tqdm")  # an extra, and 30 ms: only where it shows
    return lambda epochs: tqdm.tqdm(epochs, desc=way, unit="epoch", leave=False)


def _report(results: dict[str, Result]) -> list[str]:
    ways = list(results)
    width = max(8, *[len(way) for way in ways])
    lines = ["ADALINE on Iris: mean squared error on the 70 training rows after each epoch", ""]
    lines.append("epoch  " + "  ".join(f"{way:>{width}}" for way in ways))
    rows = enumerate(zip(*[r.losses for r in results.values()], strict=True), 1)
    lines += [f"{i:5d}  " + "  ".join(f"{loss:{width}.5f}" for loss in row) for i, row in rows]
    lines.append("")
    for what in ("train", "test"):
        row = "  ".join(f"{getattr(results[way], what):{width}.2f}" for way in ways)
        lines.append(f"{what:5s}  {row}   accuracy in percent")
    if len(ways) > 1:
        worst = max(
            max(abs(a - b) for a, b in zip(results[ways[0]].losses, results[w].losses, strict=True))
            for w in ways
        )
        verdict = "agree" if worst < 5e-6 else "DO NOT AGREE"
        lines += ["", f"the {len(ways)} ways {verdict}: their largest difference is {worst:.1g}"]
    return lines


def _speed(arguments: argparse.Namespace, results: dict[str, Result]) -> list[str]:
    """How long it took, and how long PyTorch takes for the same if it is installed."""
    ours = ", ".join(f"{way} {1e3 * r.seconds:.0f} ms" for way, r in results.items())
    lines = ["", f"time          {ours} ({arguments.library})"]
    if arguments.library == "torch":
        return lines
    theirs = _with_torch(arguments)
    if theirs is None:
        return [*lines, "with PyTorch  not installed here; the README has the measured comparison"]
    text = ", ".join(f"{way} {1e3 * t:.0f} ms ({t / results[way].seconds:.1f}x)" for way, t in theirs.items())
    return [*lines, f"with PyTorch  {text}"]


def _with_torch(arguments: argparse.Namespace) -> dict[str, float] | None:
    """Seconds of each way under PyTorch, in a process of its own: two thread pools in one process disturb
    each other."""
    if not find_spec("torch"):
        return None
    options = ["--library", "torch", "--json", "--way", arguments.way, "--epochs", str(arguments.epochs)]
    command = [sys.executable, "-m", "tapegrad", "adaline", "--seed", str(arguments.seed), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ})
    if done.returncode:
        return None
    return {way: r["seconds"] for way, r in json.loads(done.stdout).items()}


def _plot(results: dict[str, Result], path: Path) -> None:
    import matplotlib  # an extra, and half a second: only for --plot

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
    for k, (way, r) in enumerate(results.items()):
        style = ("-", "--", ":")[k % 3]  # the curves lie on each other
        axes.plot(range(1, len(r.losses) + 1), r.losses, style, linewidth=2 + k, label=way)
    axes.set(xlabel="epoch", ylabel="mean squared error", title="ADALINE on Iris")
    axes.legend()
    figure.savefig(path)
    plt.close(figure)


def _draw(arguments: argparse.Namespace, results: dict[str, Result], path: Path) -> None:
    """The graph of one step of the trained model, on the first batch of rows."""
    from tapegrad.viz import graph  # loads the drawing code

    lib = Library("tapegrad")
    data = load(lib, arguments.seed)
    trained = results.get("nn") or train(lib, "nn", data, arguments.epochs, arguments.seed)
    model, x, y = trained.model, data.X_train[:BATCH], data.y_train[:BATCH].float()
    yhat = model(x)
    loss = lib.F.mse_loss(yhat, y)
    graph(loss, names={"model": model, "x": x, "y": y, "yhat": yhat, "loss": loss}).save(path)
