"""What `import tapegrad` loads, what it exports, and how its modules may import each other."""

import subprocess
import sys

import pytest

import tapegrad
from tapegrad.absent import _OF_TENSOR
from tools import layers, sizes, stubs

# Loading more makes every program start later. A module that is needed only sometimes loads when first used.
LOADED = [
    "_errors",
    "_printing",
    "_state",
    "absent",
    "autograd",
    "autograd.engine",
    "autograd.grad_mode",
    "autograd.hooks",
    "autograd.nodes",
    "define",
    "define.base",
    "define.batching",
    "define.describing",
    "define.elementwise",
    "define.general",
    "define.linear",
    "define.narrow",
    "define.refusing",
    "define.wrappers",
    "devices",
    "domains",
    "dtypes",
    "kernels",
    "kernels.arrange",
    "kernels.cofactors",
    "kernels.complex_numbers",
    "kernels.counting",
    "kernels.cumulative",
    "kernels.distance",
    "kernels.drawing",
    "kernels.errstate",
    "kernels.extra",
    "kernels.factor",
    "kernels.few",
    "kernels.filling",
    "kernels.fits",
    "kernels.fourier",
    "kernels.gathering",
    "kernels.gaussian",
    "kernels.generator",
    "kernels.hurwitz",
    "kernels.labelled",
    "kernels.lapack",
    "kernels.ldl",
    "kernels.linalg",
    "kernels.lobpcg",
    "kernels.loss",
    "kernels.memory",
    "kernels.numbers",
    "kernels.operators",
    "kernels.pointwise",
    "kernels.polynomials",
    "kernels.random",
    "kernels.random_integers",
    "kernels.reduce",
    "kernels.rounding",
    "kernels.search",
    "kernels.segments",
    "kernels.shape",
    "kernels.shuffle",
    "kernels.sort",
    "kernels.special",
    "kernels.standing",
    "kernels.statistics",
    "kernels.strided",
    "kernels.writers",
    "layouts",
    "legacy",
    "levels",
    "memory",
    "naming",
    "observers",
    "ops",
    "ops.activations",
    "ops.along",
    "ops.arrange",
    "ops.complex_numbers",
    "ops.convert",
    "ops.copies",
    "ops.create",
    "ops.cumulative",
    "ops.decompose",
    "ops.differences",
    "ops.distances",
    "ops.draws",
    "ops.einsum",
    "ops.elementary",
    "ops.factored",
    "ops.fft",
    "ops.gather",
    "ops.histograms",
    "ops.index",
    "ops.joins",
    "ops.linalg",
    "ops.lobpcg",
    "ops.losses",
    "ops.lu",
    "ops.masks",
    "ops.matrix",
    "ops.memory",
    "ops.methods",
    "ops.moves",
    "ops.new",
    "ops.nn",
    "ops.norms",
    "ops.overlay",
    "ops.pairs",
    "ops.parts",
    "ops.picking",
    "ops.pointwise",
    "ops.products",
    "ops.put",
    "ops.questions",
    "ops.random",
    "ops.recorded",
    "ops.reduce",
    "ops.relayout",
    "ops.results",
    "ops.search",
    "ops.segments",
    "ops.series",
    "ops.shape",
    "ops.shuffle",
    "ops.sizes",
    "ops.solve",
    "ops.sort",
    "ops.special",
    "ops.spectra",
    "ops.statistics",
    "ops.views",
    "ops.windows",
    "ops.write",
    "promotion",
    "public",
    "rare",
    "reach",
    "settings",
    "stale",
    "sums",
    "tape",
    "tensor",
    "tiers",
    "version",
    "views",
    "writes",
]


def run(code):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_modules_that_import_loads():
    code = "import tapegrad, sys; print(*[m[9:] for m in sorted(sys.modules) if m.startswith('tapegrad.')])"
    assert run(code) == sorted(LOADED)


def test_heavy_modules_stay_out():
    heavy = ("numpy.random", "llvmlite", "matplotlib", "tqdm")
    code = f"import tapegrad, sys; print(*[m for m in {heavy} if m in sys.modules])"
    assert run(code) == []


def test_lazy_names_load_on_first_use():
    code = "import tapegrad as t; t.nn.Linear; t.optim.SGD; t.viz.graph; t.explain; print(t.nn.__name__)"
    assert run(code) == ["tapegrad.nn"]


def test_exports_are_there():
    assert len(set(tapegrad.__all__)) == len(tapegrad.__all__)  # that they are sorted, ruff sees to
    for name in tapegrad.__all__:
        assert hasattr(tapegrad, name), name
    assert set(tapegrad.__all__) <= set(dir(tapegrad))


@pytest.mark.parametrize(
    ("space", "name", "text"),
    [
        (tapegrad, "no_such_name", "torch of tapegrad has no 'no_such_name'."),
        (tapegrad, "symeig", r"\(deprecated in torch\). Use torch.linalg"),
        (tapegrad.Tensor, "to_sparse", r"Tensor of tapegrad has no 'to_sparse' \(sparse tensors\). "),
        (tapegrad.ones(2), "to_sparse", r"\(sparse tensors\). "),
        (tapegrad.ones(2), "no_such_name", "no_such_name"),
    ],
)
def test_an_absent_name_is_an_attribute_error(space, name, text):
    assert not hasattr(space, name)
    with pytest.raises(AttributeError, match=text):
        getattr(space, name)


def test_every_attribute_of_torchs_tensors_that_is_absent_says_why():
    torch = pytest.importorskip("torch")
    absent = [n for n in dir(torch.Tensor) if n[0] != "_" and not hasattr(tapegrad.Tensor, n)]
    assert sorted(absent) == sorted(_OF_TENSOR)


def test_imports_go_downward():
    assert layers.problems() == []


def test_stubs_are_fresh():
    assert stubs.main(["--check"]) == 0


def test_files_and_functions_are_within_their_size(capfd):
    assert sizes.main() == 0, capfd.readouterr().err


def test_every_package_is_known_to_the_source_lines():
    from tapegrad._errors import PACKAGES

    packages = {
        f"tapegrad.{m}"
        for m, path in layers.modules().items()
        if path.name == "__init__.py" and m != "__init__"
    }
    users = {"tapegrad.cli", "tapegrad.data", "tapegrad.testing", "tapegrad.testing.samples"}
    assert packages - users <= PACKAGES
