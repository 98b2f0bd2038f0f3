"""A small GPT that learns to write like a text, character by character.

python examples/gpt.py --steps 300 --plot gpt.png
"""

import argparse
import math
from pathlib import Path

import tapegrad as torch
import tapegrad.nn.functional as F
from tapegrad import nn

TEXT = Path(__file__).with_name("text.txt")


class Block(nn.Module):
    """Attention to what came before, and a perceptron, each after a normalisation and beside a shortcut."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        n, length, width = x.shape
        q, k, v = self.qkv(self.ln1(x)).chunk(3, dim=-1)
        q, k, v = (t.view(n, length, self.heads, -1).transpose(1, 2) for t in (q, k, v))
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(n, length, width))
        return x + self.mlp(self.ln2(x))


class GPT(nn.Module):
    """Characters and places as vectors, blocks, and a guess of the next character."""

    def __init__(self, characters, context, width=64, heads=4, layers=2):
        super().__init__()
        self.context = context
        self.token = nn.Embedding(characters, width)
        self.place = nn.Embedding(context, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.ln = nn.LayerNorm(width)
        self.head = nn.Linear(width, characters, bias=False)
        self.apply(self._init)

    @staticmethod
    def _init(module):
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)

    def forward(self, tokens, targets=None):
        places = torch.arange(tokens.shape[1])
        x = self.token(tokens) + self.place(places)
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.ln(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten())

    @torch.no_grad()
    def write(self, tokens, count):
        """`tokens` with so many more."""
        for _ in range(count):
            logits, _ = self(tokens[:, -self.context :])
            chances = F.softmax(logits[:, -1], dim=-1)
            tokens = torch.cat([tokens, torch.multinomial(chances, 1)], dim=1)
        return tokens


def batch(data, size, context):
    """Random pieces of the text, and the same one character later."""
    starts = torch.randint(len(data) - context - 1, (size,)).tolist()
    return (torch.stack([data[i + shift : i + shift + context] for i in starts]) for shift in (0, 1))


def rate(step, steps, top=1e-3):
    """Up in the first tenth, then down along a cosine."""
    warm = max(1, steps // 10)
    if step < warm:
        return top * (step + 1) / warm
    return top * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, steps - warm)))


def train(steps, context=32, size=16):
    """(the loss of each step, the model, the characters)."""
    torch.manual_seed(0)
    text = TEXT.read_text(encoding="utf-8")
    characters = sorted(set(text))
    data = torch.tensor([characters.index(c) for c in text])
    model = GPT(len(characters), context)
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.1, betas=(0.9, 0.95))
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step, steps)
        _, loss = model(*batch(data, size, context))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
        if step % 50 == 49:
            print(f"step {step + 1}: loss {losses[-1]:.4f}")
    return losses, model, characters


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--plot", metavar="FILE", help="draw the loss")
    given = parser.parse_args()
    losses, model, characters = train(given.steps)
    start = torch.tensor([[characters.index("\n")]])
    print("".join(characters[i] for i in model.write(start, 200)[0].tolist()))
    if given.plot:
        from matplotlib import pyplot

        pyplot.plot(losses)
        pyplot.xlabel("step")
        pyplot.ylabel("cross entropy")
        pyplot.savefig(given.plot)


if __name__ == "__main__":
    main()
