"""viz.graph: what a drawing of a real graph shows, in every format."""

import xml.etree.ElementTree as ET

import pytest

import tapegrad as torch
from tapegrad import viz


def lecture():
    x = torch.tensor([3.0])
    w = torch.tensor([2.0], requires_grad=True)
    b = torch.tensor([1.0], requires_grad=True)
    u = w * x
    v = u + b
    a = torch.relu(v)
    return viz.graph(a)


def test_boxes_say_op_name_shape_value_and_gradient():
    boxes = {box.title: box for box in lecture().picture.boxes}
    assert set(boxes) == {"x", "w", "b", "u = mul", "v = add", "a = relu"}
    assert boxes["u = mul"].lines == ("shape: [1]", "value: 6", "grad: 1")
    assert boxes["w"].lines == ("shape: [1]", "value: 2", "grad: 3")
    assert boxes["x"].kind == "constant" and boxes["w"].kind == "leaf" and boxes["a = relu"].kind == "result"
    assert "u = w * x" in boxes["u = mul"].tooltip


def test_edges_carry_local_derivatives():
    picture = lecture().picture
    label = {(picture.boxes[e.source].title, picture.boxes[e.target].title): e.label for e in picture.edges}
    assert label["w", "u = mul"] == "3" and label["u = mul", "v = add"] == "1" and label["x", "u = mul"] == ""


def test_it_shows_itself():
    drawing = lecture()
    ET.fromstring(drawing._repr_svg_())
    assert "relu" in str(drawing) and "u = w * x" in repr(drawing)


@pytest.mark.parametrize("ending", ["svg", "html", "dot", "mmd", "txt"])
def test_it_saves_itself(tmp_path, ending):
    path = tmp_path / f"g.{ending}"
    lecture().save(path)
    assert "relu" in path.read_text(encoding="utf-8")


def test_an_unknown_ending_writes_nothing(tmp_path):
    with pytest.raises(ValueError, match="save: "):
        lecture().save(tmp_path / "g.bmp")
    assert list(tmp_path.iterdir()) == []


def test_large_graphs_are_folded_by_module():
    model = torch.nn.Sequential(
        *[torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.Tanh()) for _ in range(30)]
    )
    loss = model(torch.ones(2, 4)).sum()
    assert len(viz.graph(loss, limit=1000).picture.boxes) > 120
    folded = viz.graph(loss, limit=40)
    assert len(folded.picture.boxes) <= 40 and any(box.kind == "group" for box in folded.picture.boxes)


def test_parameters_are_named_by_their_module():
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(2, 1)

        def forward(self, x):
            return self.linear(x)

    model = Net()
    loss = model(torch.ones(3, 2)).mean()
    titles = {box.title for box in viz.graph(loss).picture.boxes}
    assert {"linear.weight", "linear.bias"} <= titles


def test_a_graph_of_a_hundred_thousand_nodes_is_folded_without_recursion():
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(20_000):
        y = y + 1.0
    assert len(viz.graph(y).picture.boxes) <= 120
