"""torch.save and torch.load: what is written comes back, here and in torch, from either side."""

import copy
import io
import pickle
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tapegrad
from tests.serialization.contents import CONTENTS, Noted, tensors

DATA = Path(__file__).parent.parent / "data"
BOTH = [True, False]


def written(library, x, **options):
    file = io.BytesIO()
    library.save(x, file, **options)
    file.seek(0)
    return file


def reloaded(x, **options):
    return tapegrad.load(written(tapegrad, x), **options)


@pytest.mark.parametrize("weights_only", BOTH)
@pytest.mark.parametrize("zipped", BOTH)
@pytest.mark.parametrize("name", CONTENTS)
def test_both_libraries_read_what_either_wrote(name, zipped, weights_only):
    torch = pytest.importorskip("torch")
    wanted = repr(CONTENTS[name](torch))
    for writer in (tapegrad, torch):
        content = written(writer, CONTENTS[name](writer), _use_new_zipfile_serialization=zipped).getvalue()
        for reader in (tapegrad, torch):
            if name == "objects" and weights_only and reader is torch and not zipped:
                continue  # torch's own restricted reader knows none of the old format's byte strings
            found = reader.load(io.BytesIO(content), weights_only=weights_only)
            assert repr(found) == wanted.replace(", grad_fn=<MulBackward0>", ", requires_grad=True")


@pytest.mark.parametrize("name", CONTENTS)
def test_files_are_the_same_bytes_as_torchs(name):
    torch = pytest.importorskip("torch")
    ours, theirs = [zipfile.ZipFile(written(t, CONTENTS[name](t))) for t in (tapegrad, torch)]
    assert ours.namelist() == theirs.namelist()
    for mine, other in zip(ours.infolist(), theirs.infolist(), strict=True):
        if mine.filename == "archive/data.pkl" and name == "objects":
            continue  # the text "cpu" of a device is written twice there
        assert (mine.file_size, mine.flag_bits) == (other.file_size, other.flag_bits)
        if "serialization_id" not in mine.filename:
            assert ours.read(mine) == theirs.read(other), mine.filename
        assert mine.header_offset == other.header_offset or name == "objects"


def test_entries_begin_at_multiples_of_64_bytes(tmp_path):
    tapegrad.save(tensors(tapegrad), tmp_path / "some name.pt")
    raw = (tmp_path / "some name.pt").read_bytes()
    with zipfile.ZipFile(tmp_path / "some name.pt") as z:
        assert z.testzip() is None
        for entry in z.infolist():
            assert entry.filename.startswith("some name/")
            at = entry.header_offset
            lengths = [int.from_bytes(raw[at + i : at + i + 2], "little") for i in (26, 28)]
            assert (at + 30 + sum(lengths)) % 64 == 0


@pytest.mark.parametrize("name", ["torch_zip.pt", "torch_legacy.pt"])
@pytest.mark.parametrize("weights_only", BOTH)
def test_recorded_files_of_torch_are_read(name, weights_only):
    found = tapegrad.load(DATA / name, weights_only=weights_only)
    assert repr(found) == repr(tensors(tapegrad) | {"computed": found["computed"]})
    assert found["computed"].requires_grad
    assert found["computed"].is_leaf


@pytest.mark.parametrize("options", [{}, {"mmap": True}, {"weights_only": False}])
def test_tensors_that_share_memory_share_it_again(tmp_path, options):
    a = tapegrad.arange(6.0)
    lone = tapegrad.arange(6.0)
    tapegrad.save(
        {"a": a, "even": a[::2], "matrix": a.view(2, 3).t(), "data": a.data, "lone": lone}, tmp_path / "f"
    )
    found = tapegrad.load(tmp_path / "f", **options)
    found["a"][2] = 9
    assert found["even"].tolist() == [0, 9, 4]
    assert found["matrix"].tolist() == [[0, 3], [1, 4], [9, 5]]
    assert found["data"].tolist() == [0, 1, 9, 3, 4, 5]
    assert found["lone"].tolist() == [0, 1, 2, 3, 4, 5]
    assert tapegrad.load(tmp_path / "f")["a"].tolist() == [0, 1, 2, 3, 4, 5]  # the file stays as it was


def test_a_slice_brings_its_whole_storage_as_in_torch():
    a = tapegrad.zeros(1000)
    assert len(written(tapegrad, a[:2]).getvalue()) > 4000
    assert len(written(tapegrad, a[:2].clone()).getvalue()) < 2000


def test_memory_of_numpy_is_saved_whatever_its_order():
    import numpy as np

    a = np.asfortranarray(np.arange(12.0).reshape(3, 4))
    gaps = np.asarray(memoryview(np.arange(20))[::2])
    found = reloaded({"a": tapegrad.from_numpy(a), "gaps": tapegrad.from_numpy(gaps)})
    assert found["a"].tolist() == a.tolist()
    assert found["gaps"].tolist() == gaps.tolist()


def test_weights_in_a_model_shared_by_two_layers_stay_shared():
    model = tapegrad.nn.Sequential(tapegrad.nn.Linear(2, 2), tapegrad.nn.Linear(2, 2))
    model[1].weight = model[0].weight
    found = reloaded(model.state_dict())
    assert found["0.weight"].data_ptr() == found["1.weight"].data_ptr()
    assert found._metadata == model.state_dict()._metadata
    whole = reloaded(model, weights_only=False)
    assert whole[0].weight is whole[1].weight


def test_mapped_files_are_read_only_where_used(tmp_path):
    tapegrad.save(tapegrad.arange(1000), tmp_path / "f.pt")
    mapped = tapegrad.load(tmp_path / "f.pt", mmap=True)
    tapegrad.save(tapegrad.zeros(3), tmp_path / "f.pt")  # replaced, not overwritten
    assert mapped.sum() == 499500
    with pytest.raises(ValueError, match="its path is needed"):
        tapegrad.load(written(tapegrad, 1), mmap=True)
    with pytest.raises(RuntimeError, match="zip format"):
        tapegrad.load(DATA / "torch_legacy.pt", mmap=True)


def test_mapped_memory_can_be_the_files_own(tmp_path):
    import mmap

    tapegrad.save(tapegrad.arange(4), tmp_path / "f.pt")
    private = tapegrad.serialization.get_default_mmap_options()
    with tapegrad.serialization.set_default_mmap_options(mmap.MAP_SHARED):
        tapegrad.load(tmp_path / "f.pt", mmap=True)[1] = 9
    tapegrad.serialization.set_crc32_options(False)  # the file's bytes have changed
    try:
        assert tapegrad.load(tmp_path / "f.pt").tolist() == [0, 9, 2, 3]
    finally:
        tapegrad.serialization.set_crc32_options(True)
    assert tapegrad.serialization.get_default_mmap_options() == private == mmap.MAP_PRIVATE
    with pytest.raises(ValueError, match="MAP_SHARED is needed"):
        tapegrad.serialization.set_default_mmap_options(-1)


def test_a_file_within_a_file():
    file = io.BytesIO(b"before")
    file.seek(0, 2)
    tapegrad.save({"a": tapegrad.ones(3)}, file)
    file.seek(6)
    assert tapegrad.load(file)["a"].tolist() == [1, 1, 1]


class OnlyWrites:
    def __init__(self):
        self.content = b""

    def write(self, part):
        self.content += bytes(part)


def test_a_file_that_can_only_write():
    file = OnlyWrites()
    tapegrad.save({"a": tapegrad.ones(3)}, file)
    assert tapegrad.load(io.BytesIO(file.content))["a"].tolist() == [1, 1, 1]


def test_repacked_archives_are_read(tmp_path):
    """Other tools may compress the entries."""
    source = zipfile.ZipFile(written(tapegrad, tensors(tapegrad)))
    with zipfile.ZipFile(tmp_path / "f", "w", zipfile.ZIP_DEFLATED) as z:
        for entry in source.infolist():
            z.writestr(entry.filename, source.read(entry))
    wanted = repr(tapegrad.load(written(tapegrad, tensors(tapegrad))))
    assert repr(tapegrad.load(tmp_path / "f")) == wanted == repr(tapegrad.load(tmp_path / "f", mmap=True))


SHAPES = st.lists(st.integers(0, 3), max_size=3).map(tuple)
PLAIN = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(max_size=9)),
    st.tuples(st.just("tensor"), SHAPES, st.sampled_from(["float32", "int64", "bool", "bfloat16"])),
    st.tuples(st.just("view"), st.integers(0, 3), st.integers(1, 2)),
)
NESTED = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.tuples(inner, inner), st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=12,
)


def made(t, x, shared):
    """What x describes, over a library."""
    if isinstance(x, tuple) and x and x[0] == "tensor":
        return t.ones(x[1], dtype=getattr(t, x[2]))
    if isinstance(x, tuple) and x and x[0] == "view":
        return shared[x[1] :: x[2]]
    if isinstance(x, (list, tuple)):
        return type(x)(made(t, y, shared) for y in x)
    if isinstance(x, dict):
        return {k: made(t, y, shared) for k, y in x.items()}
    return x


@given(NESTED)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_anything_is_the_same_bytes_as_torchs_and_comes_back(x):
    torch = pytest.importorskip("torch")
    pickles = []
    for t in (tapegrad, torch):
        content = made(t, x, t.arange(6.0))
        file = written(t, content)
        for reader in (tapegrad, torch):
            for weights_only in BOTH:
                file.seek(0)
                assert repr(reader.load(file, weights_only=weights_only)) == repr(content)
        pickles.append(zipfile.ZipFile(file).read("archive/data.pkl"))
    assert pickles[0] == pickles[1]


# ---- objects


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("weights_only", BOTH)
def test_all_protocols(protocol, weights_only):
    x = {"a": tapegrad.ones(2), "d": tapegrad.float32, "b": b"x", "s": {1}, "f": frozenset({2})}
    if protocol < 4 and weights_only:
        del x["f"]
    file = written(tapegrad, x, pickle_protocol=protocol)
    assert repr(tapegrad.load(file, weights_only=weights_only)) == repr(x)


def test_objects_of_the_user_need_trust():
    file = written(tapegrad, {"mine": Noted(5)})
    with pytest.raises(pickle.UnpicklingError, match=r"contents\.Noted, which is not allowed"):
        tapegrad.load(file)
    file.seek(0)
    assert tapegrad.load(file, weights_only=False) == {"mine": Noted(5)}
    file.seek(0)
    with tapegrad.serialization.safe_globals([Noted]):
        assert tapegrad.load(file) == {"mine": Noted(5)}
    assert tapegrad.serialization.get_safe_globals() == []


@pytest.mark.parametrize("way", ["save", "pickle", "copy"])
def test_generators_continue(way):
    g = tapegrad.Generator().manual_seed(5)
    tapegrad.randn(3, generator=g)
    other = {
        "save": lambda: reloaded(g, weights_only=False),
        "pickle": lambda: pickle.loads(pickle.dumps(g)),
        "copy": lambda: copy.deepcopy(g),
    }[way]()
    assert other is not g
    assert other.initial_seed() == 5
    assert tapegrad.equal(tapegrad.randn(5, generator=other), tapegrad.randn(5, generator=g))


def test_generators_travel():
    torch = pytest.importorskip("torch")
    for writer, reader in ((tapegrad, torch), (torch, tapegrad)):
        g = writer.Generator().manual_seed(5)
        writer.randn(3, generator=g)
        found = reader.load(written(writer, g), weights_only=False)
        assert reader.randn(5, generator=found).tolist() == writer.randn(5, generator=g).tolist()


def test_dtypes_and_layouts_are_the_ones():
    found = reloaded([tapegrad.float32, tapegrad.strided], weights_only=False)
    assert found[0] is tapegrad.float32
    assert found[1] is tapegrad.strided


def test_storages_are_saved_as_bytes():
    a = tapegrad.arange(3)
    found = reloaded([a.untyped_storage(), tapegrad.ones(2)])
    assert isinstance(found[0], type(a.untyped_storage()))
    assert tapegrad.zeros(0, dtype=tapegrad.int64).set_(found[0], 0, (3,)).tolist() == [0, 1, 2]
    with pytest.raises(RuntimeError, match=r"one storage is shown as torch\.int64 and as torch\.float64"):
        reloaded([a, a.view(tapegrad.float64)])


@pytest.mark.filterwarnings("ignore:load. there are no tensors of")
@pytest.mark.parametrize(
    ("name", "here"),
    [
        ("uint16", "int32"),
        ("uint32", "int64"),
        ("uint64", "int64"),
        *[(f"float8_{kind}", "float32") for kind in ("e4m3fn", "e5m2", "e4m3fnuz", "e5m2fnuz")],
    ],
)
def test_dtypes_that_are_not_here_are_converted(name, here):
    torch = pytest.importorskip("torch")
    theirs = torch.arange(12).to(getattr(torch, name))
    found = tapegrad.load(written(torch, [theirs, theirs[2:]]))
    assert found[0].dtype is getattr(tapegrad, here)
    assert found[0].tolist() == theirs.to(getattr(torch, here)).tolist()
    found[0][2] = 77
    assert found[1][0] == 77


def test_conjugates_of_torch_are_read():
    torch = pytest.importorskip("torch")
    z = torch.tensor([1 + 2j, 3j])
    assert tapegrad.load(written(torch, z.conj())).tolist() == [1 - 2j, -3j]
    assert tapegrad.load(written(torch, z.conj().imag)).tolist() == [-2, -3]


# ---- places


@pytest.mark.parametrize(
    "place",
    [
        None,
        "cpu",
        b"cpu",
        tapegrad.device("cpu"),
        {"cuda:0": "cpu"},
        lambda storage, at: storage,
        lambda storage, at: None,
        lambda storage, at: storage.cpu(),
    ],
)
def test_map_location(place):
    assert tapegrad.load(written(tapegrad, tapegrad.ones(2)), map_location=place).tolist() == [1, 1]


def on_cuda():
    """A file of a machine with a GPU: the same but for the place, which has as many letters."""
    file = written(tapegrad, tapegrad.arange(3.0))
    tapegrad.serialization.set_crc32_options(False)
    return io.BytesIO(file.getvalue().replace(b"X\x03\0\0\0cpu", b"X\x03\0\0\0mps"))


def test_tensors_of_devices_that_are_not_here():
    file = on_cuda()
    try:
        with pytest.raises(RuntimeError, match="pass map_location='cpu'"):
            tapegrad.load(file)
        for place in ("cpu", {"mps": "cpu"}, lambda storage, at: storage if at == "mps" else None):
            file.seek(0)
            assert tapegrad.load(file, map_location=place).tolist() == [0, 1, 2]
    finally:
        tapegrad.serialization.set_crc32_options(True)
    for place in ("cuda:0", "nonsense", {"cpu": "cuda"}):
        with pytest.raises(RuntimeError, match="pass map_location='cpu'"):
            tapegrad.load(written(tapegrad, tapegrad.ones(1)), map_location=place)
