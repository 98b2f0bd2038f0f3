"""Files that are cut short or changed, and saving that is interrupted: an error, or the right numbers."""

import io
import os
import pickle
import struct
import zipfile
from importlib.util import find_spec

import pytest

import tapegrad
from tapegrad.serialization import safetensors

DAMAGED = (RuntimeError, pickle.UnpicklingError, EOFError)


def content(**options):
    file = io.BytesIO()
    tapegrad.save({"a": tapegrad.arange(12.0).reshape(3, 4), "n": 5}, file, **options)
    return file.getvalue()


RIGHT = repr(tapegrad.load(io.BytesIO(content())))


def read(data, **options):
    try:
        return repr(tapegrad.load(io.BytesIO(data), **options))
    except DAMAGED:
        return "refused"


@pytest.mark.parametrize("old", [False, True])
@pytest.mark.parametrize("options", [{}, {"weights_only": False}])
def test_a_file_that_is_cut_short_is_refused(old, options):
    whole = content(_use_new_zipfile_serialization=not old)
    if old and options:
        pytest.skip("Python's own unpickler raises what it likes")
    assert read(whole, **options) == RIGHT
    for n in range(len(whole)):
        assert read(whole[:n], **options) == "refused"


@pytest.mark.parametrize("bit", [0, 7])
def test_a_changed_byte_is_refused_or_changes_nothing(bit):
    whole = content()
    found = set()
    for i in range(len(whole)):
        changed = bytearray(whole)
        changed[i] ^= 1 << bit
        found.add(read(bytes(changed)))
    assert found == {"refused", RIGHT}  # not every byte says something


def test_a_changed_byte_of_a_mapped_file_is_refused(tmp_path):
    whole = bytearray(content())
    whole[whole.index(struct.pack("<f", 5.0))] ^= 1
    (tmp_path / "f").write_bytes(whole)
    for mmap in (False, True):
        with pytest.raises(RuntimeError, match=r"the checksum of data/0 does not fit"):
            tapegrad.load(tmp_path / "f", mmap=mmap)


def test_checksums_can_be_left_out(tmp_path):
    tapegrad.serialization.set_crc32_options(False)
    try:
        assert not tapegrad.serialization.get_crc32_options()
        tapegrad.save(tapegrad.ones(3), tmp_path / "f")
        assert {e.CRC for e in zipfile.ZipFile(tmp_path / "f").infolist()} == {0}
        assert tapegrad.load(tmp_path / "f").tolist() == [1, 1, 1]
    finally:
        tapegrad.serialization.set_crc32_options(True)
    with pytest.raises(RuntimeError, match=r"set_crc32_options\(False\) first"):
        tapegrad.load(tmp_path / "f")


def test_files_that_are_not_there_or_not_torchs(tmp_path):
    with pytest.raises(FileNotFoundError):
        tapegrad.load(tmp_path / "nothing")
    with pytest.raises(IsADirectoryError):
        tapegrad.load(tmp_path)
    (tmp_path / "empty").touch()
    with pytest.raises(EOFError, match="is empty"):
        tapegrad.load(tmp_path / "empty")
    (tmp_path / "text").write_text("hello")
    with pytest.raises(pickle.UnpicklingError, match="has not written this file"):
        tapegrad.load(tmp_path / "text")
    with zipfile.ZipFile(tmp_path / "zip", "w") as z:
        z.writestr("a/b", "c")
    with pytest.raises(RuntimeError, match=r"without a data\.pkl"):
        tapegrad.load(tmp_path / "zip")
    with zipfile.ZipFile(tmp_path / "script", "w") as z:
        z.writestr("a/data.pkl", "c")
        z.writestr("a/constants.pkl", "c")
    with pytest.raises(RuntimeError, match="TorchScript"):
        tapegrad.load(tmp_path / "script")
    (tmp_path / "pickle").write_bytes(pickle.dumps([1], 2))
    with pytest.raises(RuntimeError, match="magic number"):
        tapegrad.load(tmp_path / "pickle")
    with pytest.raises(AttributeError, match="f is int"):
        tapegrad.load(5)


def test_big_numbers_in_a_pickle_take_no_memory():
    """A storage, or a tensor, that says it is huge."""
    whole = content()
    source = zipfile.ZipFile(io.BytesIO(whole))
    for old, new in ((b"K\x0ct", b"J\xff\xff\xff\x7ft"), (b"K\x03K\x04\x86", b"J\xff\xff\xff\x7fK\x04\x86")):
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as z:
            for entry in source.infolist():
                z.writestr(entry.filename, source.read(entry).replace(old, new))
        assert read(file.getvalue()) == "refused"


# ---- saving


class Full(io.RawIOBase):
    """A file on a disk that becomes full."""

    def __init__(self, file, room):
        self.file, self.room = file, room

    def writable(self):
        return True

    def write(self, part):
        self.room -= memoryview(part).nbytes
        if self.room < 0:
            raise OSError(28, "No space left on device")
        return self.file.write(part)

    def fileno(self):
        return self.file.fileno()

    def close(self):
        self.file.close()


def write_safely(x, path):
    safetensors.save_file(x, path)


@pytest.mark.parametrize("room", [0, 10, 1000, 4000])
@pytest.mark.parametrize(("save", "error"), [(tapegrad.save, RuntimeError), (write_safely, OSError)])
def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, room, save, error):
    path = tmp_path / "f.pt"
    save({"a": tapegrad.arange(3.0)}, path)
    before = path.read_bytes()
    opened = type(path).open
    monkeypatch.setattr(type(path), "open", lambda p, mode: Full(opened(p, mode, buffering=0), room))
    with pytest.raises(error, match="No space left"):
        save({"a": tapegrad.zeros(2000)}, path)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["f.pt"]


class Interrupts:
    def __reduce__(self):
        raise KeyboardInterrupt


@pytest.mark.parametrize("what", [Interrupts(), lambda: 1, (i for i in "a")])
def test_saving_that_fails_leaves_the_old_file(tmp_path, what):
    tapegrad.save(1, tmp_path / "f.pt")
    with pytest.raises((KeyboardInterrupt, AttributeError, TypeError, pickle.PicklingError)):
        tapegrad.save([tapegrad.ones(3), what], tmp_path / "f.pt")
    assert tapegrad.load(tmp_path / "f.pt") == 1
    assert os.listdir(tmp_path) == ["f.pt"]


def test_an_interrupt_while_writing_leaves_the_old_file(tmp_path, monkeypatch):
    from tapegrad.serialization import archive

    tapegrad.save(1, tmp_path / "f.pt")

    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(archive.Writer, "close", interrupt)
    with pytest.raises(KeyboardInterrupt):
        tapegrad.save(2, tmp_path / "f.pt")
    assert tapegrad.load(tmp_path / "f.pt") == 1
    assert os.listdir(tmp_path) == ["f.pt"]


def test_places_that_cannot_be_written(tmp_path):
    with pytest.raises(RuntimeError, match="does not exist"):
        tapegrad.save(1, tmp_path / "no folder" / "f.pt")
    with pytest.raises(RuntimeError, match="Is a directory"):
        tapegrad.save(1, tmp_path)
    with pytest.raises(AttributeError, match="write method"):
        tapegrad.save(1, 5)
    with pytest.raises(RuntimeError, match="only pickle itself"):
        tapegrad.save(1, tmp_path / "f", pickle_module=struct)


class Skips:
    """A file in which large parts are holes."""

    def __init__(self, file):
        self.file = file

    def write(self, part):
        n = memoryview(part).nbytes
        return self.file.seek(n, 1) if n > 2**20 else self.file.write(part)


def test_storages_beyond_4_gigabytes(tmp_path):
    tapegrad.serialization.set_crc32_options(False)  # which reads all of it
    try:
        with (tmp_path / "f").open("wb") as file:
            x = {"large": tapegrad.zeros(2**32 + 8, dtype=tapegrad.int8), "behind": tapegrad.ones(3)}
            tapegrad.save(x, Skips(file))
        found = tapegrad.load(tmp_path / "f", mmap=True)
        assert found["large"].shape == (2**32 + 8,)
        assert found["large"][-1] == 0
        assert found["behind"].tolist() == [1, 1, 1]
        assert [e.file_size for e in zipfile.ZipFile(tmp_path / "f").infolist()][4:6] == [2**32 + 8, 12]
        if find_spec("torch"):
            import torch

            found = torch.load(tmp_path / "f", mmap=True)
            assert found["large"].shape == (2**32 + 8,)
            assert found["behind"].tolist() == [1, 1, 1]
    finally:
        tapegrad.serialization.set_crc32_options(True)
