"""A residual network on generated images: which shape, and which colour, is in the picture?

python examples/resnet.py --steps 60 --plot resnet.png
"""

import argparse

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import nn

SHAPES, SIDE = 4, 16


def pictures(count):
    """Images [count, 3, SIDE, SIDE] and classes: a disc, a square, a cross or a ring, in noise."""
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    classes = torch.randint(SHAPES, (count,))
    images = 0.2 * torch.randn(count, 3, SIDE, SIDE)
    for image, kind in zip(images, classes.tolist(), strict=True):
        cx, cy = (torch.randint(5, SIDE - 5, (2,))).tolist()
        dx, dy = (x - cx).abs(), (y - cy).abs()
        far = dx**2 + dy**2
        masks = [far <= 16, torch.maximum(dx, dy) <= 3, torch.minimum(dx, dy) <= 1, (far <= 16) & (far >= 6)]
        image += masks[kind] * torch.rand(3, 1, 1)
    return images, classes


class Block(nn.Module):
    """Two convolutions beside a shortcut."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet(nn.Module):
    """Blocks of 8, 16 and 32 channels, each half the size of the one before."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU())
        self.blocks = nn.Sequential(Block(8, 8, 1), Block(8, 16, 2), Block(16, 32, 2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(32, SHAPES)

    def forward(self, x):
        return self.fc(self.pool(self.blocks(self.stem(x))).flatten(1))


def train(steps, size=32):
    """(the loss of each step, the model)."""
    torch.manual_seed(0)
    model = ResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=max(steps, 10))
    losses = []
    for step in range(steps):
        x, y = pictures(size)
        loss = F.cross_entropy(model(x), y, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if step % 20 == 19:
            print(f"step {step + 1}: loss {losses[-1]:.4f}")
    return losses, model


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--plot", metavar="FILE", help="draw the loss")
    given = parser.parse_args()
    losses, model = train(given.steps)
    model.eval()
    x, y = pictures(200)
    with torch.no_grad():
        print(f"accuracy {(model(x).argmax(1) == y).float().mean().item():.3f} on new pictures")
    if given.plot:
        from matplotlib import pyplot

        pyplot.plot(losses)
        pyplot.xlabel("step")
        pyplot.ylabel("cross entropy")
        pyplot.savefig(given.plot)


if __name__ == "__main__":
    main()
