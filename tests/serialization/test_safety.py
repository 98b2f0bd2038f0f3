"""Files that try to do more than bring tensors: weights_only=True refuses them, and nothing has run."""

import io
import os
import pickle
import zipfile
from collections import OrderedDict

import pytest

import tapegrad
from tapegrad.serialization.unpickling import Restricted
from tests.serialization.contents import Noted


class Reduced:
    def __init__(self, *reduction):
        self.reduction = reduction

    def __reduce__(self):
        return self.reduction


def archived(data):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as z:
        z.writestr("a/data.pkl", data)
    file.seek(0)
    return file


def restricted(data):
    return Restricted(io.BytesIO(data), None).load()


EVIL = {
    "a system call": (Reduced(os.system, ("touch evil",)), r"posix\.system; nothing of module posix"),
    "eval": (Reduced(eval, ("1",)), r"builtins\.eval, which is not allowed"),
    "getattr": (Reduced(getattr, ("text", "join")), r"builtins\.getattr, which"),
    "a class": (Noted(1), r"contents\.Noted, which .*add_safe_globals\(\[Noted\]\)"),
    "a function of torch": (tapegrad.nn.init.ones_, r"torch\.nn\.init\.ones_, which"),
    "a module": (tapegrad.nn.Linear(1, 1), r"torch\.nn\.modules\.linear\.Linear, which"),
    "a class made as another": (Reduced(OrderedDict, (5,)), "damaged"),
    "an iterator": (iter([1]), r"builtins\.iter, which"),
}


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("what", EVIL)
def test_what_is_not_known_is_refused(tmp_path, monkeypatch, what, zipped):
    monkeypatch.chdir(tmp_path)
    evil, message = EVIL[what]
    file = io.BytesIO()
    tapegrad.save({"a": tapegrad.ones(2), "evil": evil}, file, _use_new_zipfile_serialization=zipped)
    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match=f"(?s).*{message}"):
        tapegrad.load(file)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("pickled", "message"),
    [
        (b"\x80\x02ctorch\nSize\n}X\x01\0\0\0aK\x01sb.", "sets attributes"),  # of a class that is allowed
        (b"\x80\x02ccollections\nOrderedDict\n)\x81}b.", None),
        (b"\x80\x02K\x01)R.", "calls 1"),
        (b"\x80\x02ctorch\nTensor\nK\x05\x85R.", "which is not allowed"),  # memory as it happens to be
        (b"\x80\x02ctorch\nfloat32\n)R.", "calls torch.float32"),
        (b"\x80\x02ctorch\nfloat32\n)\x81.", "makes an object"),
        (b"\x80\x02K\x01K\x02a.", "appends to"),
        (b"\x80\x02]K\x01K\x02s.", "sets entries"),
        (b"\x80\x02K\x01(K\x02\x90.", "adds to"),
        (b"\x80\x02X\x01\0\0\0aQ.", "only storages are allowed"),
        (b"\x80\x02X\x06\0\0\0moduleK\x01\x86Q.", "only storages are allowed"),
        (b"\x80\x02iposix\nsystem\n.", "a b'i' where that is not allowed"),
        (b"\x80\x02cposix\nsystem\n.", "module posix"),
        (b"\x80\x04\x8c\x05posix\x8c\x06system\x93.", "module posix"),
        (b"\x80\x04K\x01K\x02\x93.", "no string"),
        (b"\x80\x02cnt\nsystem\n.", "module nt"),
        (b"\x80\x02ctapegrad\nload\n.", "tapegrad.load, which"),
        (b"\x80\x02ctorch\nload\n.", "torch.load, which"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\x01K\x02tR.", "damaged"),
        (b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n(K\0K\0))\x89NtR.", "a storage is needed"),
        (b"\x80\x02ctorch._tensor\n_rebuild_from_type_v2\n(ctorch\nSize\nctorch\nTensor\n)}tR.", "no tensor"),
        (b"\x80\x02h\x05.", "damaged"),
        (b"\x80\x020.", "damaged"),
        (b"\x80\x02.", "not allowed"),
        (b"\x80\x02t.", "damaged"),
        (b"\x80\x02\x85.", "damaged"),
        (b"\x80\x02\x86.", "damaged"),
        (b"\x80\x02X\xff\xff\xff\xffa", "ends within"),
        (b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xffa", "damaged|ends within"),
        (b"\x80\x02X\x01\0\0\0\xff.", "damaged"),
        (b"\x80\x02]]]", "ends within"),
    ],
)
def test_instructions(pickled, message):
    if message is None:
        assert restricted(pickled) == OrderedDict()
        return
    with pytest.raises(pickle.UnpicklingError, match=message):
        restricted(pickled)
    with pytest.raises(pickle.UnpicklingError, match=message):
        tapegrad.load(archived(pickled))


def test_deep_nesting_needs_no_recursion():
    found = restricted(b"\x80\x02" + b"]" * 100_000 + b"a" * 99_999 + b".")
    for _ in range(99_999):
        (found,) = found
    assert found == []


def test_the_names_in_a_file_can_be_listed(tmp_path):
    tapegrad.save([Noted(1), tapegrad.ones(2), {3}, tapegrad.nn.Linear(1, 1)], tmp_path / "f")
    names = tapegrad.serialization.get_unsafe_globals_in_checkpoint(tmp_path / "f")
    assert names == ["tests.serialization.contents.Noted", "torch.nn.modules.linear.Linear"]
    with tapegrad.serialization.safe_globals([Noted]):
        names = tapegrad.serialization.get_unsafe_globals_in_checkpoint(tmp_path / "f")
    assert names == ["torch.nn.modules.linear.Linear"]
    with pytest.raises(ValueError, match="zip format"):
        tapegrad.serialization.get_unsafe_globals_in_checkpoint(io.BytesIO(b"hello"))


def test_what_users_call_safe():
    safe = tapegrad.serialization
    safe.add_safe_globals([Noted, (dict, "my.name")])
    try:
        assert set(safe.get_safe_globals()) == {Noted, (dict, "my.name")}
        assert restricted(b"\x80\x02cmy\nname\n)\x81.") == {}
        safe.clear_safe_globals()
        assert safe.get_safe_globals() == []
        for wrong, error in (((dict,), ValueError), ((dict, 5), TypeError)):
            with safe.safe_globals([wrong]), pytest.raises((error, pickle.UnpicklingError)):
                restricted(b"\x80\x02cmy\nname\n)\x81.")
    finally:
        safe.clear_safe_globals()


class Slotted:
    __slots__ = ("a",)


class WithState:
    def __setstate__(self, state):
        self.state = state


def test_objects_that_users_call_safe_are_built():
    slotted = Slotted()
    slotted.a = 5
    file = io.BytesIO()
    with_state = WithState()
    with_state.b = 6
    tapegrad.save([slotted, with_state], file)
    file.seek(0)
    with tapegrad.serialization.safe_globals([Slotted, WithState]):
        first, second = tapegrad.load(file)
    assert first.a == 5
    assert second.state == {"b": 6}


def test_modules_can_be_called_safe():
    file = io.BytesIO()
    tapegrad.save(tapegrad.nn.Linear(2, 1), file)
    file.seek(0)
    with tapegrad.serialization.safe_globals([tapegrad.nn.Linear]):
        assert repr(tapegrad.load(file)) == repr(tapegrad.nn.Linear(2, 1))


def test_arguments_that_do_not_fit(tmp_path):
    tapegrad.save(1, tmp_path / "f")
    with pytest.raises(RuntimeError, match="leave pickle_module out"):
        tapegrad.load(tmp_path / "f", weights_only=True, pickle_module=pickle)
    with pytest.raises(RuntimeError, match="only pickle itself"):
        tapegrad.load(tmp_path / "f", pickle_module=io)
    with pytest.warns(tapegrad.TapegradWarning, match="encoding can be given with weights_only=False only"):
        assert tapegrad.load(tmp_path / "f", encoding="latin1") == 1
    assert tapegrad.load(tmp_path / "f", pickle_module=pickle, encoding="latin1") == 1
    with pytest.raises(TypeError, match="LoadEndianness"):
        tapegrad.serialization.set_default_load_endianness("big")


def test_the_environment_can_decide(tmp_path, monkeypatch):
    tapegrad.save(Noted(1), tmp_path / "f")
    monkeypatch.setenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "1")
    with pytest.raises(pickle.UnpicklingError, match="not allowed"):
        tapegrad.load(tmp_path / "f", weights_only=False)
    monkeypatch.setenv("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "yes")
    with pytest.raises(RuntimeError, match="both set"):
        tapegrad.load(tmp_path / "f")
    monkeypatch.delenv("TORCH_FORCE_WEIGHTS_ONLY_LOAD")
    with pytest.warns(tapegrad.TapegradWarning, match="may run whatever code"):
        assert tapegrad.load(tmp_path / "f") == Noted(1)
    with pytest.raises(pickle.UnpicklingError, match="not allowed"):
        tapegrad.load(tmp_path / "f", weights_only=True)


def swapped_order(order):
    """A file of a machine with another byte order, or one that does not say its order."""
    file = io.BytesIO()
    tapegrad.save({"a": tapegrad.tensor([1.5, 2.5]), "z": tapegrad.tensor([1 + 2j])}, file)
    source = zipfile.ZipFile(file)
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as z:
        for entry in source.infolist():
            data = source.read(entry)
            if "/data/" in entry.filename:
                data = b"".join(data[i : i + 4][::-1] for i in range(0, len(data), 4))
            if entry.filename.endswith("byteorder"):
                if order is None:
                    continue
                data = order.encode()
            z.writestr(entry.filename, data)
    other.seek(0)
    return other


def test_files_of_big_endian_machines():
    wanted = "{'a': tensor([1.5000, 2.5000]), 'z': tensor([1.+2.j])}"
    assert repr(tapegrad.load(swapped_order("big"))) == wanted
    with pytest.raises(ValueError, match="'middle'"):
        tapegrad.load(swapped_order("middle"))
    big = tapegrad.serialization.LoadEndianness.BIG
    tapegrad.serialization.set_default_load_endianness(big)
    try:
        assert tapegrad.serialization.get_default_load_endianness() is big
        assert repr(tapegrad.load(swapped_order(None))) == wanted
    finally:
        tapegrad.serialization.set_default_load_endianness(None)
