"""Physics: the parameters of a damped pendulum, from noisy measurements of its angle, with LBFGS through a
Runge-Kutta solver.

    python examples/ode.py --plot pendulum.png
"""

import argparse

import tapegrad as torch
from tapegrad import nn

STEP, COUNT = 0.05, 80


class Pendulum(nn.Module):
    """angle'' = -stiffness sin(angle) - damping angle'; both are positive, so their logarithms are learnt."""

    def __init__(self, stiffness=4.0, damping=0.2):
        super().__init__()
        self.log_stiffness = nn.Parameter(torch.tensor(stiffness).log())
        self.log_damping = nn.Parameter(torch.tensor(damping).log())
        self.start = nn.Parameter(torch.tensor([1.0, 0.0]))

    def slope(self, state):
        angle, speed = state.unbind(-1)
        force = -self.log_stiffness.exp() * torch.sin(angle) - self.log_damping.exp() * speed
        return torch.stack([speed, force], -1)

    def forward(self, count=COUNT):
        """The states at times 0, STEP, ...: [count, 2]. Runge-Kutta of fourth order."""
        state, states = self.start, []
        for _ in range(count):
            states.append(state)
            k1 = self.slope(state)
            k2 = self.slope(state + STEP / 2 * k1)
            k3 = self.slope(state + STEP / 2 * k2)
            k4 = self.slope(state + STEP * k3)
            state = state + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return torch.stack(states)


def measured():
    """Noisy angles of a pendulum with stiffness 9.81 and damping 0.5."""
    true = Pendulum(9.81, 0.5)
    with torch.no_grad():
        true.start.copy_(torch.tensor([1.2, 0.3]))
        angles = true()[:, 0]
    return angles + 0.01 * torch.randn(len(angles))


def train(rounds):
    """(the loss at each evaluation, the model, what was measured)."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    try:
        angles, model = measured(), Pendulum()
        optimizer = torch.optim.LBFGS(model.parameters(), lr=1.0, max_iter=10, line_search_fn="strong_wolfe")
        losses = []

        def closure():
            optimizer.zero_grad()
            loss = ((model()[:, 0] - angles) ** 2).mean()
            loss.backward()
            losses.append(loss.item())
            return loss

        for _ in range(rounds):
            optimizer.step(closure)
    finally:
        torch.set_default_dtype(torch.float32)
    return losses, model, angles


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--plot", metavar="FILE", help="draw the measurements and the fit")
    given = parser.parse_args()
    losses, model, angles = train(given.rounds)
    print(f"loss {losses[0]:.5f} -> {losses[-1]:.7f} in {len(losses)} evaluations")
    print(f"stiffness {model.log_stiffness.exp().item():.3f} (9.81)")
    print(f"damping   {model.log_damping.exp().item():.3f} (0.5)")
    if given.plot:
        from matplotlib import pyplot

        times = [STEP * i for i in range(COUNT)]
        pyplot.plot(times, angles.tolist(), ".", label="measured")
        pyplot.plot(times, model()[:, 0].tolist(), label="fit")
        pyplot.xlabel("time")
        pyplot.ylabel("angle")
        pyplot.legend()
        pyplot.savefig(given.plot)


if __name__ == "__main__":
    main()
