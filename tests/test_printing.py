"""tapegrad._printing prints what torch prints: recorded texts, random ones if torch is installed, options."""

import importlib.util
import json
import math
from itertools import cycle, islice
from pathlib import Path
from threading import Thread
from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegrad._printing import get_printoptions, printoptions, set_printoptions, tensor_text

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "data" / "printing.json").read_text(encoding="utf-8"))
DEFAULTS = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


def array_of(case: dict) -> np.ndarray:
    dtype, shape = case.get("dtype", "float32"), case["shape"]
    values = islice(cycle(case["values"]), math.prod(shape))
    numbers = [complex(*pair) for pair in values] if "complex" in dtype else list(values)
    return np.array(numbers, dtype).reshape(shape)


def text_of(case: dict) -> str:
    suffix = case.get("suffix")
    with printoptions(**case.get("options", {})):
        return tensor_text(
            array_of(case),
            dtype_name=case.get("dtype", "float32"),
            default_dtype_name=case.get("default", "float32"),
            suffixes=() if suffix is None else (suffix,),
            prefix=case.get("prefix", "tensor("),
        )


def float_text(array: np.ndarray) -> str:
    return tensor_text(array, dtype_name=str(array.dtype), default_dtype_name="float32")


@pytest.mark.parametrize("case", RECORDED, ids=range(len(RECORDED)))
def test_recorded(case: dict) -> None:
    assert text_of(case) == case["text"]


# --- random comparison with torch ---------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorder() -> ModuleType:
    """tools/record_printing.py, which knows how to make a case a torch tensor."""
    pytest.importorskip("torch")
    path = HERE.parent / "tools" / "record_printing.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def real_lists(width: int) -> st.SearchStrategy[list[float]]:
    """Lists of one kind of float each, since a text depends on what its values have in common."""
    rounded = {16: np.float16, 32: np.float32, 64: np.float64}[width]
    top = {16: 4, 32: 38, 64: 300}[width]
    anything = st.floats(width=width)
    whole = st.integers(-2048, 2048).map(float)
    near_one = st.floats(-16, 16, width=width)
    powers = st.integers(-top, top).map(lambda k: float(rounded(10.0**k)))
    limits = st.sampled_from([1e-4, 1e-3, 1.0, 1e3, 6e4] + [1e8, 1.1e8] * (width > 16)).map(
        lambda x: float(rounded(x))
    )
    special = st.sampled_from([0.0, -0.0, math.nan, math.inf, -math.inf])
    kinds = [anything, whole, near_one, powers, limits, special, whole | special, near_one | special]
    return st.sampled_from(kinds).flatmap(lambda kind: st.lists(kind, min_size=1, max_size=9))


FLOATS = {"float16": 16, "float32": 32, "float64": 64}
COMPLEX = {"complex64": 32, "complex128": 64}
DTYPES = [*FLOATS, *COMPLEX, "bool", "uint8", "int8", "int16", "int32", "int64"]
NAMES = st.text("ABC", min_size=1)
SHAPES = st.lists(st.integers(0, 5), max_size=4).filter(lambda shape: math.prod(shape) <= 150)
OPTIONS = st.fixed_dictionaries(
    {},
    optional={
        "precision": st.integers(0, 9),
        "threshold": st.integers(0, 60),
        "edgeitems": st.integers(0, 3),
        "linewidth": st.integers(0, 120),
        "profile": st.sampled_from(["default", "short", "full", "unknown"]),
        "sci_mode": st.sampled_from([None, True, False]),
    },
)


def value_lists(dtype: str) -> st.SearchStrategy[list]:
    if dtype in FLOATS:
        return real_lists(FLOATS[dtype])
    if dtype in COMPLEX:
        parts = real_lists(COMPLEX[dtype])
        return st.tuples(parts, parts).map(lambda both: list(zip(*both, strict=False)))
    if dtype == "bool":
        return st.lists(st.booleans(), min_size=1, max_size=9)
    limits = np.iinfo(dtype)
    return st.lists(st.integers(limits.min, limits.max) | st.integers(0, 99), min_size=1, max_size=9)


@st.composite
def cases(draw: st.DrawFn) -> dict:
    case = {
        "dtype": draw(st.sampled_from(DTYPES)),
        "shape": draw(SHAPES | st.integers(0, 40).map(lambda size: [size])),
        "default": draw(st.sampled_from(["float32", "float32", "float64", "float16"])),
        "options": draw(OPTIONS),
    }
    case["values"] = draw(value_lists(case["dtype"]))
    suffix = st.just("requires_grad=True") | NAMES.map("grad_fn=<{}Backward>".format)
    if case["dtype"] in FLOATS | COMPLEX and draw(st.booleans()):
        case["suffix"] = draw(suffix)
    elif draw(st.booleans()):
        case["prefix"] = draw(NAMES) + "("
    return case


@settings(max_examples=300, deadline=None)
@given(case=cases())
def test_random(recorder: ModuleType, case: dict) -> None:
    assert text_of(case) == recorder.torch_text(case)


@settings(max_examples=50, deadline=None)
@given(calls=st.lists(OPTIONS, max_size=4))
def test_options_are_torchs(recorder: ModuleType, calls: list[dict]) -> None:
    torch_set, torch_get = recorder.torch.set_printoptions, recorder.torch._tensor_str.get_printoptions
    with printoptions(profile="default"), recorder.printoptions(profile="default"):
        for options in calls:
            set_printoptions(**options)
            torch_set(**options)
            assert get_printoptions() == torch_get()


# --- options ------------------------------------------------------------------------------------------------


def test_options_start_as_default_and_come_back() -> None:
    assert get_printoptions() == DEFAULTS
    with pytest.raises(KeyError), printoptions(profile="short", linewidth=99, sci_mode=True):
        assert list(get_printoptions().values()) == [2, 1000, 2, 99, True]
        with printoptions(precision=7):
            assert get_printoptions()["precision"] == 7
            assert get_printoptions()["sci_mode"] is None
        assert get_printoptions()["sci_mode"] is True
        raise KeyError
    assert get_printoptions() == DEFAULTS
    with printoptions(profile="full"):
        assert get_printoptions() == {**DEFAULTS, "threshold": math.inf}


def test_unknown_option_raises() -> None:
    with pytest.raises(TypeError), printoptions(digits=3):
        pass
    assert get_printoptions() == DEFAULTS


def test_a_text_never_mixes_two_settings() -> None:
    array = np.linspace(0, 1, 2000, dtype=np.float32)
    with printoptions(precision=2, edgeitems=2):
        short = float_text(array)
    default, seen = float_text(array), set()
    reader = Thread(target=lambda: seen.update(float_text(array) for _ in range(300)))
    reader.start()
    while reader.is_alive():
        with printoptions(precision=2, edgeitems=2):
            pass
    reader.join()
    assert seen <= {default, short}


# --- what no text shows -------------------------------------------------------------------------------------


def test_numpy_settings_stay_and_nothing_warns() -> None:
    before = np.geterr(), np.get_printoptions()
    signalling = np.array([0x7F800001, 0x3F800000, 1, 0x7F7FFFFF], np.uint32).view(np.float32)
    with np.errstate(all="raise"):
        assert float_text(signalling) == "tensor([       nan, 1.0000e+00, 1.4013e-45, 3.4028e+38])"
        extremes = np.array([5e-324, 1.7e308])
        assert float_text(extremes) == "tensor([4.9407e-324, 1.7000e+308], dtype=torch.float64)"
        half = np.array([6e-8, 65504, np.inf], np.float16)
        assert float_text(half) == "tensor([5.9605e-08, 6.5504e+04,        inf], dtype=torch.float16)"
    assert (np.geterr(), np.get_printoptions()) == before


def test_only_the_shown_entries_are_read() -> None:
    # 10**12 entries over one number: reading them all, even once, would take minutes.
    array = np.broadcast_to(np.float32(0.5), (10**6, 10**6))
    row = "[0.5000, 0.5000, 0.5000,  ..., 0.5000, 0.5000, 0.5000]"
    rows = ",\n        ".join([row, row, row, "...", row, row, row])
    assert float_text(array) == f"tensor([{rows}])"


@pytest.mark.parametrize("view", [np.s_[::-1], np.s_[:, ::2], np.s_[..., None], np.s_[1, 1:]], ids=str)
def test_views_print_as_their_copies(view: object) -> None:
    array = np.arange(24, dtype=np.float32).reshape(4, 6)[view]
    array.flags.writeable = False
    assert float_text(array) == float_text(array.copy())
    assert float_text(array.astype(">f4")).removesuffix(", dtype=torch.>f4)") == float_text(array)[:-1]
