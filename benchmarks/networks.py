"""The cases of networks: a training step each, on fixed data."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from tapegrad.cli.ways import Library

Run = Callable[[int], None]
Check = Callable[[], list[float]]
# (model, optimizer, loss of the model on the case's data)
Made = tuple[Any, Any, Callable[[], Any]]


def _training(lib: Library, make: Callable[[Any, Any, Any], Made]) -> tuple[Run, Check]:
    """Training steps of what `make(torch, nn, F)` makes. Both libraries must have the same losses after 1 and
    3 steps."""

    def fresh() -> Made:
        lib.torch.manual_seed(0)
        return make(lib.torch, lib.nn, lib.F)

    def steps(made: Made, n: int) -> list[float]:
        _, optimizer, loss_of = made
        losses = []
        for _ in range(n):
            loss = loss_of()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss)
        return [losses[0].item(), losses[-1].item()] if n else []

    held = fresh()
    return lambda n: steps(held, n) and None, lambda: steps(fresh(), 3)


def tiny(lib: Library) -> tuple[Run, Check]:
    """An MLP 2-16-1, tanh, mean squared error, Adam, 32 rows."""

    def make(torch: Any, nn: Any, F: Any) -> Made:
        model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
        x, y = torch.randn(32, 2), torch.randn(32, 1)
        return model, torch.optim.Adam(model.parameters()), lambda: F.mse_loss(model(x), y)

    return _training(lib, make)


def mlp_adam(lib: Library) -> tuple[Run, Check]:
    """784-512-512-10, ReLU, cross entropy, Adam, batch 128."""

    def make(torch: Any, nn: Any, F: Any) -> Made:
        sizes = (784, 512, 512, 10)
        layers: list[Any] = []
        for a, b in pairwise(sizes):
            layers += [nn.Linear(a, b), nn.ReLU()]
        model = nn.Sequential(*layers[:-1])
        x, y = torch.randn(128, 784), torch.randint(0, 10, (128,))
        return model, torch.optim.Adam(model.parameters()), lambda: F.cross_entropy(model(x), y)

    return _training(lib, make)


def lenet(lib: Library) -> tuple[Run, Check]:
    """LeNet-5 on 1 x 28 x 28, batch 64, SGD with momentum."""

    def make(torch: Any, nn: Any, F: Any) -> Made:
        model = nn.Sequential(
            *(nn.Conv2d(1, 6, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)),
        )
        x, y = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
        return model, optimizer, lambda: F.cross_entropy(model(x), y)

    return _training(lib, make)


def resnet(lib: Library) -> tuple[Run, Check]:
    """Three residual blocks of 16, 32 and 64 channels on 3 x 32 x 32, batch 32, SGD with momentum."""

    def make(torch: Any, nn: Any, F: Any) -> Made:
        class Block(nn.Module):  # type: ignore[misc] # the class of one of the two libraries
            def __init__(self, a: int, b: int, stride: int) -> None:
                super().__init__()
                self.conv1, self.bn1 = nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b)
                self.conv2, self.bn2 = nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b)
                self.short = nn.Conv2d(a, b, 1, stride, bias=False) if a != b else nn.Identity()

            def forward(self, x: Any) -> Any:
                y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
                return F.relu(y + self.short(x))

        model = nn.Sequential(
            *(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
            *(Block(16, 16, 1), Block(16, 32, 2), Block(32, 64, 2)),
            *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)),
        )
        x, y = torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
        return model, optimizer, lambda: F.cross_entropy(model(x), y)

    return _training(lib, make)


def lstm(lib: Library) -> tuple[Run, Check]:
    """An LSTM with 128 hidden numbers, sequences of 64, batch 16, Adam."""

    def make(torch: Any, nn: Any, F: Any) -> Made:
        net, head = nn.LSTM(128, 128), nn.Linear(128, 32)
        x, y = torch.randn(64, 16, 128), torch.randint(0, 32, (64 * 16,))
        optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()])
        return net, optimizer, lambda: F.cross_entropy(head(net(x)[0]).flatten(0, 1), y)

    return _training(lib, make)


def gpt(lib: Library) -> tuple[Run, Check]:
    """A GPT of 4 layers, 128 wide, 4 heads, context 128, 65 tokens, batch 8, AdamW."""

    def make(torch: Any, nn: Any, F: Any) -> Made:
        width, heads, length, tokens = 128, 4, 128, 65

        class Block(nn.Module):  # type: ignore[misc] # the class of one of the two libraries
            def __init__(self) -> None:
                super().__init__()
                self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
                self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
                self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

            def forward(self, x: Any) -> Any:
                n = x.shape[0]
                parts = self.qkv(self.ln1(x)).chunk(3, -1)
                q, k, v = [t.view(n, length, heads, -1).transpose(1, 2) for t in parts]
                y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
                x = x + self.out(y.transpose(1, 2).reshape(n, length, width))
                return x + self.down(F.gelu(self.up(self.ln2(x))))

        token, place = nn.Embedding(tokens, width), nn.Embedding(length, width)
        body = nn.Sequential(*[Block() for _ in range(4)], nn.LayerNorm(width), nn.Linear(width, tokens))
        data = torch.randint(0, tokens, (8, length + 1))
        parameters = [*token.parameters(), *place.parameters(), *body.parameters()]

        def loss_of() -> Any:
            x = token(data[:, :-1]) + place(torch.arange(length))
            return F.cross_entropy(body(x).flatten(0, 1), data[:, 1:].reshape(-1))

        return body, torch.optim.AdamW(parameters, lr=1e-3), loss_of

    return _training(lib, make)


def embedding(lib: Library) -> tuple[Run, Check]:
    """A table of 50,000 x 128, 4,096 rows of it a step, SGD."""

    def make(torch: Any, nn: Any, F: Any) -> Made:
        table = nn.Embedding(50_000, 128)
        rows, wanted = torch.randint(0, 50_000, (4096,)), torch.randn(4096, 128)
        optimizer = torch.optim.SGD(table.parameters(), lr=0.1)
        return table, optimizer, lambda: F.mse_loss(table(rows), wanted)

    return _training(lib, make)
