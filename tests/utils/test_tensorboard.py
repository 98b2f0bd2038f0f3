"""torch.utils.tensorboard: what is written is read back."""

import subprocess
import sys

import pytest

import tapegrad as torch

tensorboardX = pytest.importorskip("tensorboardX")


def events(folder):
    """{tag: summary value} of the event files in a folder."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in sorted(folder.glob("events*")):
        data, at = path.read_bytes(), 0
        while at < len(data):  # a record: length, checksum, event, checksum
            size = int.from_bytes(data[at : at + 8], "little")
            event = Event.FromString(data[at + 12 : at + 12 + size])
            found |= {v.tag: (event.step, v) for v in event.summary.value}
            at += 16 + size
    return found


def test_tensors_are_written(tmp_path):
    from tapegrad.utils.tensorboard import SummaryWriter

    x = torch.arange(12.0).reshape(3, 2, 2)
    with SummaryWriter(tmp_path) as writer:
        writer.add_scalar("loss", torch.tensor(0.5, requires_grad=True) * 3, 7)
        writer.add_histogram("weights", torch.nn.Parameter(x), 1)
        writer.add_image("image", (x / 12), global_step=2)
        writer.add_text("note", "hello", 3)
        writer.add_hparams({"lr": torch.tensor(0.5)}, {"score": torch.tensor(2.0)}, name="run")
        with pytest.raises(NotImplementedError, match=r"viz\.graph"):
            writer.add_graph(None)
    found = events(tmp_path)
    step, value = found["loss"]
    assert (step, value.simple_value) == (7, 1.5)
    assert found["weights"][1].histo.num == 12
    assert (found["image"][1].image.height, found["image"][1].image.width) == (2, 2)


def test_without_tensorboardx_it_says_what_to_install():
    program = (
        "import sys; sys.modules['tensorboardX'] = None\n"
        "try: from tapegrad.utils.tensorboard import SummaryWriter\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.stdout == (
        "tensorboard: tensorboardX is missing, which writes the files; pip install 'tapegrad[tensorboard]'.\n"
    )


def test_absent_names():
    with pytest.raises(AttributeError, match=r"torch\.utils of tapegrad has no 'quux'"):
        torch.utils.quux  # noqa: B018 # the look-up is the test
