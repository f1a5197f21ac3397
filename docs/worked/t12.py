"""T12: the gradient is the worst-case expectation of the gradients."""

# %% An instance to redo by hand
# Three samples with losses $\ell_i(\theta)=\tfrac12(\theta-z_i)^2$. The derivative of the KL value is
# $\sum_iw_i(\theta-z_i)$ with the worst-case weights $w$.
import torch

import armor

z = torch.tensor([0.0, 1.0, 3.0], dtype=torch.float64)
objective = armor.objective("kl", epsilon=0.1)
theta = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
s = objective(0.5 * (theta - z) ** 2)
s.value.backward()
h = 1e-5
difference = (objective(0.5 * (0.5 + h - z) ** 2).value - objective(0.5 * (0.5 - h - z) ** 2).value) / (2 * h)
print(f"weights {s.weights.numpy().round(6)}")
print(
    f"sum of w (theta - z) {(s.weights * (0.5 - z)).sum().item():.9f}, autograd {theta.grad.item():.9f}, difference quotient {difference.item():.9f}"
)
assert abs(theta.grad.item() - difference.item()) < 1e-8

# %% Without agreement of the optimal worst cases
# Two samples, losses $\theta$ and $\tfrac12\theta$ at $\theta=0$, and a radius so large that the worse of
# the two wins. At the tie every mixture is optimal; the value is $\max(\theta,\theta/2)$, whose one-sided
# slopes differ. A derivative does not exist, and any number printed as "the gradient" is only one of
# them.
big = armor.objective("kl", epsilon=5.0)
slopes = torch.tensor([1.0, 0.5], dtype=torch.float64)
for step in (1e-3, -1e-3):
    print(f"slope towards {step:+}: {(big(slopes * step).value / step).item():.6f}")


# %% Without differentiable losses
# Losses $|\theta-z_i|$ at $\theta=z_2=1$: the middle loss has a kink there, and so has the value. The slopes to
# the two sides differ by twice the weight of that sample; `backward` gives one number between them.
def kinked(at):
    return objective(torch.abs(at - z)).value


for step in (1e-6, -1e-6):
    print(f"slope towards {step:+}: {((kinked(1.0 + step) - kinked(torch.tensor(1.0))) / step).item():.6f}")
at = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
kinked(at).backward()
print(
    f"autograd {at.grad.item():.6f}, weight of the sample at the kink {objective(torch.abs(1.0 - z)).weights[1].item():.6f}"
)
