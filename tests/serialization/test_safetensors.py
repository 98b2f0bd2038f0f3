"""safetensors files: the reference implementation's bytes, and what is refused. The recorded files were
written by safetensors 0.8.0."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

import tapegrad as torch
from tapegrad.serialization import safetensors
from tapegrad.serialization.safetensors import SafetensorError

DATA = Path(__file__).parent.parent / "data"
REFERENCE = (DATA / "reference.safetensors").read_bytes()
METADATA = {"k": "v", "é": '"'}


def tensors():
    return {
        "w": torch.arange(6.0).reshape(2, 3),
        "b": torch.ones(3, dtype=torch.bfloat16),
        "i": torch.arange(3),
        "u": torch.tensor([1, 2], dtype=torch.uint8),
        "bo": torch.tensor([True]),
        "s": torch.tensor(2.5, dtype=torch.float64),
        "h": torch.ones(2, dtype=torch.float16),
        "e": torch.ones(0, 3),
        "c": torch.ones(2, dtype=torch.complex64),
        'é"': torch.ones(1),
        **{f"i{n}": torch.tensor([-1], dtype=getattr(torch, f"int{n}")) for n in (8, 16, 32)},
    }


def same(a, b):
    return {k: repr(v) for k, v in a.items()} == {k: repr(v) for k, v in b.items()}


def test_what_is_written_are_the_references_bytes(tmp_path):
    assert safetensors.save(tensors(), METADATA) == REFERENCE
    safetensors.save_file(tensors(), tmp_path / "f.safetensors", METADATA)
    assert (tmp_path / "f.safetensors").read_bytes() == REFERENCE


def test_what_the_reference_wrote_is_read():
    assert same(safetensors.load(REFERENCE), tensors())
    assert same(safetensors.load_file(DATA / "reference.safetensors"), tensors())
    assert same(torch.load(DATA / "reference.safetensors"), tensors())


@pytest.mark.filterwarnings("ignore:load. there are no tensors of")
def test_dtypes_that_are_not_here_are_converted_exactly():
    found = safetensors.load_file(DATA / "narrow.safetensors")
    assert found["f8"].tolist() == [1, 2, -448, 0.5]
    assert found["f5"].tolist() == [1, -57344]
    assert found["u16"].tolist() == [1, 65535]
    assert found["u32"].tolist() == [1, 2**32 - 1]
    assert found["u64"].tolist() == [1, 7]
    codes = {"f8": "F8_E4M3", "f5": "F8_E5M2", "u16": "U16", "u32": "U32", "u64": "U64"}
    assert safetensors.save(found, dtypes=codes) == (DATA / "narrow.safetensors").read_bytes()


@pytest.mark.filterwarnings("ignore:load. there are no tensors of")
def test_eight_bit_floats_are_rounded_as_torch_rounds():
    theirs = pytest.importorskip("torch")
    x = np.linspace(-500, 500, 1001).astype(np.float32)
    for code, name in (("F8_E4M3", "float8_e4m3fn"), ("F8_E5M2", "float8_e5m2")):
        found = safetensors.load(safetensors.save({"x": torch.from_numpy(x)}, dtypes={"x": code}))["x"]
        wanted = theirs.from_numpy(x).to(getattr(theirs, name)).float().numpy()
        assert np.array_equal(found.numpy(), wanted, equal_nan=True)


def test_any_layout_is_written_in_rows():
    a = torch.arange(24.0).reshape(2, 3, 4)
    given = {
        "t": a.permute(2, 0, 1),
        "step": a[:, ::2, 1:],
        "wide": a[0, 0].expand(2, 4),
        "p": torch.nn.Parameter(a),
    }
    found = safetensors.load(safetensors.save(given))
    for name, x in given.items():
        assert found[name].tolist() == x.tolist()
        assert found[name].is_contiguous()
    found["p"][0] = 7
    assert a[0, 0, 0] == 0


def test_single_tensors_of_a_file(tmp_path):
    with safetensors.safe_open(DATA / "reference.safetensors", framework="pt", device="cpu") as f:
        assert f.keys() == sorted(tensors())
        assert f.metadata() == METADATA
        assert f.get_slice("w")[:, 1:].tolist() == [[1, 2], [4, 5]]
        w = f.get_tensor("w")
        with pytest.raises(SafetensorError, match="no tensor 'x'"):
            f.get_tensor("x")
    w[0, 0] = 9  # a copy of the page, not the file
    assert safetensors.load_file(DATA / "reference.safetensors")["w"][0, 0] == 0
    safetensors.save_file({}, tmp_path / "empty")
    with safetensors.safe_open(tmp_path / "empty") as f:
        assert f.keys() == []
        assert f.metadata() is None
    assert safetensors.load_file(tmp_path / "empty") == {}


def test_what_cannot_be_written():
    for given, text in (
        ({"a": 5}, "'a' is int"),
        ({5: torch.ones(1)}, "5 is float32"),
        ({"__metadata__": torch.ones(1)}, "strings as names"),
        ({"a": torch.ones(1, dtype=torch.complex128)}, "complex128 as None"),
    ):
        with pytest.raises(ValueError, match=text):
            safetensors.save(given)
    with pytest.raises(ValueError, match="strings by strings"):
        safetensors.save({}, {"a": 5})
    with pytest.raises(ValueError, match="no such tensors"):
        safetensors.save({}, dtypes={"a": "F32"})
    for numbers in ([-1], [70000], [1.5], [float("nan")]):
        with pytest.raises(ValueError, match="none of U16"):
            safetensors.save({"a": torch.tensor(numbers)}, dtypes={"a": "U16"})
    with pytest.raises(ValueError, match="as F9"):
        safetensors.save({"a": torch.ones(1)}, dtypes={"a": "F9"})
    with pytest.raises(AssertionError, match="only 'cpu' is here"):
        safetensors.load_file(DATA / "reference.safetensors", device="cuda")


def file_with(header, body=b"\0" * 8):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def entry(**changes):
    return {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]} | changes


DAMAGED = {
    "nothing": b"",
    "a short length": b"\1\0\0",
    "a huge length": struct.pack("<Q", 2**63) + b"{}",
    "no JSON": file_with(b"{nonsense"),
    "no object": file_with([1]),
    "a name twice": file_with(b'{"a":{},"a":{}}'),
    "no entry": file_with({"a": 5}),
    "an unknown dtype": file_with({"a": entry(dtype="F9")}),
    "a negative size": file_with({"a": entry(shape=[-2])}),
    "a broken size": file_with({"a": entry(shape=[2.0])}),
    "a size that does not fit": file_with({"a": entry(shape=[3])}),
    "a product beyond 64 bits": file_with({"a": entry(shape=[2**62, 4])}),
    "an overlap": file_with({"a": entry(), "b": entry()}),
    "a gap": file_with({"a": entry(data_offsets=[8, 16])}, b"\0" * 16),
    "too few bytes": file_with({"a": entry()}, b"\0" * 7),
    "too many bytes": file_with({"a": entry()}, b"\0" * 9),
    "an offset backwards": file_with({"a": entry(data_offsets=[8, 0])}),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_damaged_files_are_refused(tmp_path, what):
    (tmp_path / "f").write_bytes(DAMAGED[what])
    for read in (safetensors.load_file, safetensors.safe_open):
        with pytest.raises(SafetensorError):
            read(tmp_path / "f")
    with pytest.raises(SafetensorError):
        safetensors.load(DAMAGED[what])


def test_every_truncation_is_refused():
    for n in range(len(REFERENCE)):
        with pytest.raises(SafetensorError):
            safetensors.load(REFERENCE[:n])
