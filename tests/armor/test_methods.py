"""Methods: the step's loss, its gradient, and what the attack leaves alone."""

import math

import pytest
import torch
from torch import nn

import armor
from armor.errors import InputError
from armor.losses import cross_entropy, mart, trades
from armor.methods import Method, Udr, method, names
from armor.objectives import CarriedDual, LearnedDual, hold
from armor.transport import SoftAscent, SoftBall, pgd

HARD = [name for name in names() if name != "udr"]


def _data() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(12, 6, generator=generator), torch.randint(0, 3, (12,), generator=generator)


def _model() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3))


def _build(name: str, **options: object) -> Method:
    if name != "pgd":
        options.setdefault("beta", 4.0)
    return method(name, pgd(0.1, step=0.03, steps=4), **options)


@pytest.mark.parametrize("name", HARD)
@pytest.mark.parametrize("t", [0.0, 0.4])
@pytest.mark.parametrize("epsilon", [None, 0.2])
def test_the_loss_is_the_stated_mixture(name: str, t: float, epsilon: float | None) -> None:
    """`t · mean natural CE + (1 - t) · value`, and its gradient is the weighted sum of sample gradients."""
    x, y = _data()
    objective = None if epsilon is None else armor.objective("kl", epsilon=epsilon, kappa=0.1)
    model = _model()
    step = _build(name, objective=objective, natural_weight=t).step(
        model, x, y, torch.Generator().manual_seed(2)
    )
    step.loss.backward()
    gradient = [p.grad.clone() for p in model.parameters() if p.grad is not None]

    twin = _model()
    natural = twin(x) if name != "pgd" or t > 0 else None
    adversarial = twin(step.x)
    if name == "pgd":
        losses = cross_entropy(adversarial, y)
    else:
        assert natural is not None
        losses = (trades if name == "trades" else mart)(natural, adversarial, y, 4.0)
    assert torch.allclose(losses, step.losses, rtol=1e-5)
    weights = torch.full((12,), 1 / 12)
    value = losses.mean()
    if step.solution is not None:
        weights = step.solution.weights.float()
        value = step.solution.value
        assert float(step.solution.lam) > 0
        assert float(value) >= float(losses.detach().mean())
    assert objective is None or step.solution is not None
    total = (1 - t) * (losses * weights).sum()
    expected = (1 - t) * value.item()
    if natural is not None and t > 0:
        total = total + t * cross_entropy(natural, y).mean()
        expected += t * float(cross_entropy(natural, y).detach().mean())
    assert math.isclose(step.loss.item(), expected, rel_tol=1e-5)
    expected_gradient = torch.autograd.grad(total, list(twin.parameters()))
    for mine, other in zip(gradient, expected_gradient, strict=True):
        assert torch.allclose(mine, other, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", HARD)
def test_the_attack_raises_its_loss_inside_the_ball_and_leaves_the_model_alone(name: str) -> None:
    x, y = _data()
    model = _model().train()
    before = [b.clone() for b in model.buffers()]
    built = _build(name)
    moved = built.attack(model, x, y, torch.Generator().manual_seed(3))
    assert all(torch.equal(a, b) for a, b in zip(before, model.buffers(), strict=True))
    assert all(p.grad is None and p.requires_grad for p in model.parameters())
    assert model.training
    assert float((moved.x - x).abs().max()) <= 0.1 + 1e-6
    model.eval()
    with torch.no_grad():
        assert float(cross_entropy(model(moved.x), y).mean()) > float(cross_entropy(model(x), y).mean())


@pytest.mark.parametrize(
    ("name", "options"),
    [("pgd", {}), ("trades", {}), ("mart", {"attack": "published"}), ("mart", {"attack": "exact"})],
)
def test_each_attack_maximises_its_own_loss(name: str, options: dict[str, str]) -> None:
    """Step by step the attack of the loss written out: CE, KL(f(x)‖f(x')), CE, MART's whole loss."""
    x, y = _data()
    model = _model().eval()
    built = _build(name, **options)
    moved = built.attack(model, x, y, torch.Generator().manual_seed(3)).x
    natural = model(x).detach()

    def written(z: torch.Tensor) -> torch.Tensor:
        logits = model(z)
        if name == "trades":
            return (natural.softmax(1) * (natural.log_softmax(1) - logits.log_softmax(1))).sum(1)
        if options.get("attack") == "exact":
            return mart(natural, logits, y, 4.0)
        return cross_entropy(logits, y)

    expected = pgd(0.1, step=0.03, steps=4)(written, x, generator=torch.Generator().manual_seed(3)).x
    assert torch.allclose(moved, expected, atol=1e-6)


def test_smoothing_reaches_the_natural_term() -> None:
    x, y = _data()
    model = _model().eval()
    step = _build("pgd", natural_weight=0.4, smoothing=0.2).step(model, x, y, torch.Generator())
    natural = cross_entropy(model(x), y, 0.2).mean()
    robust = cross_entropy(model(step.x), y, 0.2).mean()
    assert math.isclose(step.loss.item(), (0.4 * natural + 0.6 * robust).item(), rel_tol=1e-5)


def test_marts_exact_attack_reaches_more_of_its_loss_than_the_published_one() -> None:
    """T17: plain cross-entropy does not maximise MART's per-sample loss."""
    x, y = _data()
    model = _model().eval()
    attack = pgd(0.3, step=0.02, steps=40, restarts=3)
    values = {}
    for kind in ("published", "exact"):
        built = method("mart", attack, beta=20.0, attack=kind)
        moved = built.attack(model, x, y, torch.Generator().manual_seed(4))
        with torch.no_grad():
            values[kind] = mart(model(x), model(moved.x), y, 20.0)
    assert float(values["exact"].sum()) > float(values["published"].sum())


def test_a_masked_sample_has_no_influence() -> None:
    x, y = _data()
    weights = torch.ones(12)
    weights[5] = 0.0
    for objective in (None, armor.objective("kl", epsilon=0.2)):
        model = _model().eval()
        built = _build("pgd", objective=objective, natural_weight=0.3)
        masked = built.step(model, x, y, torch.Generator().manual_seed(2), weights)
        keep = weights > 0
        losses = cross_entropy(model(masked.x), y)[keep]
        robust = losses.mean() if objective is None else objective(losses).value
        expected = 0.3 * cross_entropy(model(x), y)[keep].mean() + 0.7 * robust
        assert math.isclose(masked.loss.item(), expected.item(), rel_tol=1e-5)


def test_bad_configuration_names_the_value() -> None:
    for name, options, seen in (
        ("trade", {}, "trades"),
        ("pgd", {"natural_weight": 1.0}, "1.0"),
        ("pgd", {"beta": 1.0}, "beta"),
        ("trades", {"beta": -1.0}, "-1.0"),
        ("mart", {"beta": 1.0, "attack": "ce"}, "ce"),
    ):
        with pytest.raises(InputError, match=seen):
            method(name, pgd(0.1, step=0.1, steps=1), **options)
    with pytest.raises(InputError, match="random start"):
        method("trades", pgd(0.1, step=0.1, steps=1, start="none"), beta=1.0)
    with pytest.raises(InputError, match="soft cost"):
        method("udr", pgd(0.1, step=0.1, steps=1), objective=armor.objective("kl", epsilon=0.1))
    with pytest.raises(InputError, match="hard ball"):
        method("pgd", SoftAscent(SoftBall(0.1, 1.0), step=0.1, steps=1))
    with pytest.raises(InputError, match="sometimes"):
        hold(armor.objective("kl", epsilon=0.1), "sometimes")
    with pytest.raises(InputError, match="number of samples"):
        hold(armor.objective("kl", epsilon=0.1), "carried")


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("spec", ["kl", {"name": "alpha", "alpha": 6}], ids=str)
def test_held_duals_move_and_survive_a_checkpoint(name: str, spec: object) -> None:
    """Learned lambda and rho get a gradient; carried ones follow all samples seen, one solve a batch."""
    x, y = _data()
    objective = armor.objective(spec, epsilon=0.1, kappa=0.05)  # type: ignore[arg-type]

    def build(mode: str) -> Method:
        options: dict[str, object] = {
            "objective": hold(objective, mode, size=24, lam=0.5),
            "natural_weight": 0.2,
        }
        if name == "udr":
            return method(name, SoftAscent(SoftBall(0.05, 0.02), step=0.02, steps=3), **options)
        return _build(name, **options)

    learned = build("learned")
    assert isinstance(learned.objective, LearnedDual)
    learned.step(_model(), x, y, torch.Generator().manual_seed(2)).loss.backward()
    assert [p.grad is not None and float(p.grad) != 0 for p in learned.dual_parameters()] == [True, True]

    carried, model = build("carried"), _model().eval()
    assert isinstance(carried.objective, CarriedDual)
    assert carried.dual_parameters() == []
    first = carried.step(model, x, y, torch.Generator().manual_seed(2), index=torch.arange(12))
    assert first.solution is not None
    second = carried.step(model, x, y, torch.Generator().manual_seed(3), index=torch.arange(12, 24))
    both = torch.cat([first.losses, second.losses]).double()
    costs = None if first.costs is None else torch.cat([first.costs, second.costs]).double()  # type: ignore[list-item]
    whole = objective(both, costs)
    assert float(carried.objective.lam) == pytest.approx(float(whole.lam), rel=1e-9)
    assert float(carried.objective.rho) == pytest.approx(float(whole.rho), rel=1e-9)
    again = build("carried")
    again.load_state_dict(carried.state_dict())
    runs = [
        m.step(_model().eval(), x, y, torch.Generator().manual_seed(5), index=torch.arange(12)).loss.item()
        for m in (carried, again)
    ]
    assert runs[0] == runs[1]
    with pytest.raises(InputError, match="index"):
        carried.step(model, x, y, torch.Generator().manual_seed(2))


def test_the_multiplier_of_udr_follows_the_batches_it_sees() -> None:
    """With one round a step, the multiplier that a step leaves is the next one's: the gap closes."""
    x, y = _data()
    model = _model().eval()
    objective = armor.objective("kl", epsilon=0.02)
    built = method("udr", SoftAscent(SoftBall(0.05, 0.02), step=0.02, steps=5), objective=objective, mu=5.0)
    assert isinstance(built, Udr)
    gaps, used = [], []
    for _ in range(12):
        built.step(model, x, y, torch.Generator().manual_seed(2))
        assert built.alternation is not None
        gaps.append(float(built.alternation.gap))
        used.append(float(built.alternation.mu))
        assert float(built.multiplier()) == float(built.alternation.following)
    assert used[0] == 5.0
    assert len(set(used[:4])) == 4
    assert gaps[-1] < 0.02 * gaps[0]
    whole = method(
        "udr", SoftAscent(SoftBall(0.05, 0.02), step=0.02, steps=5), objective=objective, mu=5.0, rounds=30
    )
    assert isinstance(whole, Udr)
    whole.step(model, x, y, torch.Generator().manual_seed(2))
    assert whole.alternation is not None
    # twelve steps of one round and thirty rounds of one step end at the same multiplier
    assert used[-1] == pytest.approx(float(whole.alternation.mu), rel=1e-4)
