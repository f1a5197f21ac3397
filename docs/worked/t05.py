"""T5: closed forms of the transport step against a fine grid."""

# %% An instance to redo by hand
# Loss $\varphi(y)=3y$ at $x=0$, multiplier $\mu=1$. The gain $\varphi^c_\mu(x)-\varphi(x)$: hard ball of
# radius $\tfrac12$: $3\cdot\tfrac12$; $c=y^2$: $3^2/4$; soft ball $r=\tfrac12$, $\tau=1$:
# $3\cdot\tfrac12+\tfrac{9}{2}$; barrier $\delta=1$, $L=1$: $(\sqrt3-1)^2$.
import numpy as np

y = np.linspace(-8, 8, 1_600_001)
with np.errstate(divide="ignore"):
    costs = {
        "hard ball": (np.where(np.abs(y) <= 0.5, 0.0, np.inf), 1.5),
        "square": (y**2, 9 / 4),
        "soft ball": (np.maximum(np.abs(y) - 0.5, 0) ** 2 / 2, 1.5 + 4.5),
        "barrier": (
            np.where(np.abs(y) < 1, np.abs(y) / np.maximum(1 - np.abs(y), 1e-300), np.inf),
            (np.sqrt(3) - 1) ** 2,
        ),
    }
for name, (cost, by_hand) in costs.items():
    k = np.argmax(3 * y - cost)
    print(f"{name:<10} by hand {by_hand:.6f}, on the grid {(3 * y - cost)[k]:.6f} at y = {y[k]:+.5f}")
    assert abs((3 * y - cost)[k] - by_hand) < 1e-4

# %% Without the pixel box
# A pixel at $x=0.9$ cannot exceed 1. The closed form for all of $\mathbb R$ then promises the adversary
# more than it can take.
inside = y[(y >= -0.9) & (y <= 0.1)]
print(f"square in the box:    {np.max(3 * inside - inside**2):.6f} (clip the step: {3 * 0.1 - 0.1**2:.6f})")
print(f"square without a box: {9 / 4:.6f}")

# %% Without a large enough multiplier
# $c=L|y-x|$ grows no faster than a linear loss: for $\lambda L<|a|$ the transport step is infinite, so
# $\lambda$ has a lower bound that a solver must know.
for reach in (1, 10, 100, 1000):
    print(f"lambda L = 2.9 < 3, moves up to {reach:>4}: gain {3 * reach - 2.9 * reach:.1f}")

# %% Without $\mu>0$, or without a linear loss
# As $\mu\to0$ movement becomes free and the gain of (b), $3^2/(4\mu)$, has no bound. And for a loss that is
# linear near $x$ only, $\varphi(y)=3\sin y$, the formula with its slope at $x$ promises too much.
for mu in (1.0, 0.1, 0.01):
    print(f"mu = {mu:<5} gain {9 / (4 * mu):.2f}")
print(f"3 sin y: on the grid {np.max(3 * np.sin(y) - y**2):.6f}, formula with the slope at 0: {9 / 4:.6f}")

# %% Without $q\ge1$
# $c=\sqrt{|y-x|}$: far moves cost next to nothing per unit, so no multiplier, however large, keeps the
# adversary.
for reach in (100, 10_000, 1_000_000):
    print(f"lambda L = 50, moves up to {reach:>7}: gain {max(3 * reach - 50 * reach**0.5, 0):.0f}")

# %% Without $h>0$
# The quadratic forms are for $\varphi(y)=as-\tfrac h2s^2$. At cost $\mu s^2$ the gain is
# $\frac{a^2}{4\mu+2h}$; for $h\le-2\mu$ the loss outgrows the cost.
for bend in (2.0, -1.0, -1.5):
    gain = np.max(3 * y - bend / 2 * y**2 - y**2)
    print(f"a = 3, h = {bend:>4}, mu = 1: formula {9 / (4 + 2 * bend):.6f}, on the grid up to 8 {gain:.6f}")
for reach in (10, 100, 1000):
    print(f"h = -2.5, moves up to {reach:>4}: gain {3 * reach + 1.25 * reach**2 - reach**2:.0f}")

# %% With labels that move
# One image, label "cat", loss 1; relabelled "dog" its loss is 5. With $c=\infty$ between labels the
# adversary has to leave it, $\varphi^c=1$; at a price of 1 it buys the change.
loss, price = np.array([1.0, 5.0]), np.array([[0.0, np.inf], [0.0, 1.0]])
print(f"labels held: {np.max(loss - price[0]):.1f}, for sale at 1: {np.max(loss - price[1]):.1f}")
