"""Each mutant of the verification layer, now on the torch objective, is refused; a right objective is not.

For every divergence with shipped instances and every mutant that can be wrong for it: a part in the default
tier, all of them in the slow one.
"""

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import armor
from armor import preflight
from armor.objectives import Objective, Solution
from armor.objectives.functions import functions
from armor.preflight import PreflightRefusal
from armor.preflight.certified import _shipped
from verification.mutants import MUTANTS as VERIFICATION

Spec = Mapping[str, object]
# Without re-weighting there is next to nothing to break here: see test_preflight_multipliers.
SHIPPED: list[Spec] = [found.divergence for found in _shipped() if found.divergence["name"] != "none"]
_AMPLE = 1e4


@dataclass(frozen=True)
class Call:
    """One evaluation of an objective, and the right way to do it."""

    right: Callable[..., Solution]
    spec: Spec
    losses: Tensor
    costs: Tensor | None
    weights: Tensor | None
    epsilon: float
    kappa: float

    def solve(self, **changed: Any) -> Solution:
        given = {n: getattr(self, n) for n in ("losses", "costs", "weights", "epsilon", "kappa")} | changed
        return self.right(*given.values())

    def at(self, mu: float) -> Tensor:
        """The dual function at lambda = mu - kappa."""
        return self.solve(epsilon=_AMPLE, kappa=mu).value + (mu - self.kappa) * self.epsilon

    @property
    def p(self) -> Tensor:
        if self.weights is None:
            return torch.full_like(self.losses, 1 / self.losses.numel(), dtype=torch.float64)
        return self.weights.double() / self.weights.sum()

    def moments(self) -> tuple[Tensor, Tensor]:
        losses = self.losses.double()
        mean = (self.p * losses).sum()
        return mean, (self.p * (losses - mean).square()).sum()


def _value(change: Callable[[Call, Solution, float], Tensor]) -> Callable[[Call], Solution]:
    """A mutant of the value alone; the change gets the right solution and mu = lambda + kappa."""

    def mutant(call: Call) -> Solution:
        s = call.solve()
        return dataclasses.replace(s, value=change(call, s, float(s.lam) + call.kappa).to(s.value.dtype))

    return mutant


def _argument_unscaled(call: Call, s: Solution, mu: float) -> Tensor:
    y = call.losses.double() - s.rho - (0.0 if call.costs is None else mu * call.costs.double())
    return s.lam * call.epsilon + s.rho + mu * (call.p * functions(call.spec).conjugate["torch"](y)).sum()


def _quadratic(factor: float) -> Callable[[Call, Solution, float], Tensor]:
    """Pearson by `y + y²/factor` on the whole line."""

    def change(call: Call, s: Solution, mu: float) -> Tensor:  # noqa: ARG001
        if call.costs is not None:
            return s.value
        mean, variance = (moment.detach() for moment in call.moments())
        best = max(call.kappa, math.sqrt(float(variance) / (factor * call.epsilon)))
        spread = variance / (factor * best) if best > 0 else 0.0 * variance
        return mean + spread + (best - call.kappa) * call.epsilon

    return change


def _floored(call: Call, s: Solution, mu: float) -> Tensor:  # noqa: ARG001
    return s.value if float(s.lam) >= 0.01 else call.at(call.kappa + 0.01)


def _clipped(call: Call) -> Solution:
    s = call.solve()
    if float(s.lam) <= 100:
        return s
    return dataclasses.replace(s, value=call.at(call.kappa + 100), lam=torch.full_like(s.lam, 100.0))


def _scaled_costs(call: Call) -> Solution:
    """`phi^c_lambda` for `phi^c_{lambda + kappa}`."""
    s = call.solve()
    mu = float(s.lam) + call.kappa
    return s if call.costs is None or mu == 0 else call.solve(costs=call.costs * (float(s.lam) / mu))


def _cost_sign(call: Call) -> Solution:
    return call.solve(costs=None if call.costs is None else 2 * call.costs.detach() - call.costs)


def _weights(change: Callable[[Call, Solution], Tensor]) -> Callable[[Call], Solution]:
    def mutant(call: Call) -> Solution:
        s = call.solve()
        return dataclasses.replace(s, weights=change(call, s))

    return mutant


def _forgetful(call: Call, s: Solution) -> Tensor:
    density = torch.where(call.p > 0, s.weights / call.p.clamp(min=1e-300), 0.0)
    return density / density.sum()


def _overspent(call: Call, s: Solution) -> Tensor:  # noqa: ARG001
    """The right weights of a radius larger by a tenth of a per mille."""
    return call.solve(epsilon=1.0001 * call.epsilon).weights


def _at_lambda(call: Call, s: Solution) -> Tensor:
    lam = float(s.lam)
    return call.solve(epsilon=_AMPLE, kappa=lam).weights if lam > 0 else s.weights


def _worst_ignored(call: Call, s: Solution, mu: float) -> Tensor:
    return call.moments()[0] if mu == 0 else s.value


def _restricted(call: Call) -> Solution:
    """The largest loss masked, where there is another of positive mass."""
    live = call.p > 0
    kept = live & (call.losses < call.losses[live].max())
    return call.solve(weights=torch.where(kept, call.p, 0.0)) if bool(kept.any()) else call.solve()


def _swapped(call: Call) -> Solution:
    other = armor.objective(_SWAPPED(call.spec), epsilon=call.epsilon)
    return other.evaluate(call.losses, call.costs, call.weights, call.epsilon, call.kappa)


def _SWAPPED(spec: Spec) -> dict[str, object]:
    """`D(P‖eta)` for `D(eta‖P)`; Renyi by its f-divergence."""
    name = str(spec["name"])
    pairs = {"kl": "reverse_kl", "pearson": "neyman"}
    pairs |= {there: here for here, there in pairs.items()}
    if name in pairs:
        return {"name": pairs[name]}
    order = float(str(spec["alpha"]))
    return {"name": "alpha", "alpha": 1 - order} if name == "alpha" else {"name": "alpha", "alpha": order}


def _uniform_gradient(call: Call) -> Solution:
    s, mean = call.solve(), call.losses.mean()
    return dataclasses.replace(s, value=s.value.detach() + mean - mean.detach())


ALWAYS: Callable[[Spec], bool] = lambda spec: True  # noqa: ARG005, E731


def _named(*names: str) -> Callable[[Spec], bool]:
    return lambda spec: spec["name"] in names


def _not(*names: str) -> Callable[[Spec], bool]:
    return lambda spec: spec["name"] not in names


def _asymmetric(spec: Spec) -> bool:
    # alpha(1/2) is symmetric; the f-divergence of Renyi 1/2 is alpha(1/2), another divergence all the same.
    return spec["name"] in ("kl", "reverse_kl", "pearson", "neyman", "renyi") or (
        spec["name"] == "alpha" and float(str(spec["alpha"])) != 0.5
    )


def _saturating(spec: Spec) -> bool:
    """f(0) < inf: only then can the worst re-weighting drop all but the largest loss, at lambda = 0."""
    if spec["name"] == "renyi":
        return float(str(spec["alpha"])) < 1
    return math.isfinite(float(functions(spec).f["torch"](torch.zeros(1, dtype=torch.float64))))


def _tilted(spec: Spec) -> bool:
    return spec["name"] not in ("renyi", "cvar", "tv") and functions(spec).slope_at_one != 0


# name: the mutant, the divergences for which it is wrong, and the part of the statement that notices
VALUE, WEIGHTS, GRADIENT = "value", "T11", "T12"
MUTANTS: dict[str, tuple[Callable[[Call], Solution], Callable[[Spec], bool], str]] = {
    "radius-sign": (_value(lambda c, s, _: s.value - 2 * s.lam * c.epsilon), _not("cvar"), VALUE),
    "radius-dropped": (_value(lambda c, s, _: s.value - s.lam * c.epsilon), _not("cvar"), VALUE),
    "penalty-in-radius": (_value(lambda c, s, _: s.value + c.kappa * c.epsilon), ALWAYS, VALUE),
    "penalty-omitted": (lambda c: c.solve(kappa=0.0), _not("cvar"), VALUE),
    "penalty-twice": (lambda c: c.solve(kappa=2 * c.kappa), _not("cvar"), VALUE),
    "radius-scaled": (lambda c: c.solve(epsilon=1.01 * c.epsilon), _not("cvar"), VALUE),
    "rho-dropped": (_value(lambda _, s, __: s.value - s.rho), ALWAYS, VALUE),
    "rho-shifted": (
        lambda c: dataclasses.replace(c.solve(), rho=c.solve().rho + c.solve().lam + c.kappa),
        _not("cvar"),
        VALUE,
    ),
    "multiplier-dropped": (
        _value(lambda c, s, mu: s.lam * c.epsilon + s.rho + (s.value - s.lam * c.epsilon - s.rho) / mu),
        ALWAYS,
        VALUE,
    ),
    "argument-unscaled": (_value(_argument_unscaled), _not("renyi", "none"), VALUE),
    "constant-forgotten": (_value(lambda _, s, mu: s.value + mu), ALWAYS, VALUE),
    "gauge-mixed": (
        lambda c: dataclasses.replace(
            s := c.solve(), rho=s.rho + (s.lam + c.kappa) * functions(c.spec).slope_at_one
        ),
        _tilted,
        VALUE,
    ),
    "clamp-dropped": (_value(_quadratic(4.0)), _named("pearson"), VALUE),
    "half-for-quarter": (_value(_quadratic(2.0)), _named("pearson"), VALUE),
    "base-two": (
        _value(lambda c, s, _: s.lam * c.epsilon + (s.value - s.lam * c.epsilon) / math.log(2)),
        _named("kl", "renyi"),
        VALUE,
    ),
    "transform-multiplier": (_scaled_costs, ALWAYS, VALUE),
    "stale-multiplier": (_value(lambda c, s, mu: c.at(1.5 * mu) if mu > 0 else s.value), ALWAYS, VALUE),
    "cost-sign": (_cost_sign, ALWAYS, GRADIENT),
    "transport-dropped": (lambda c: c.solve(costs=None), ALWAYS, VALUE),
    "lambda-clipped": (_clipped, _not("cvar"), VALUE),
    "lambda-floored": (_value(_floored), ALWAYS, VALUE),
    "reference-uniform": (lambda c: c.solve(weights=None), ALWAYS, VALUE),
    "weights-unnormalised": (_weights(lambda _, s: 1.01 * s.weights), ALWAYS, WEIGHTS),
    "weights-reference": (_weights(_forgetful), ALWAYS, WEIGHTS),
    "weights-overspent": (_weights(_overspent), _not("cvar"), WEIGHTS),
    "weights-at-lambda": (_weights(_at_lambda), _not("cvar", "tv"), WEIGHTS),
    "weights-uniform": (
        _weights(lambda _, s: torch.full_like(s.weights, 1 / s.weights.numel())),
        ALWAYS,
        WEIGHTS,
    ),
    "worst-loss-ignored": (_value(_worst_ignored), _saturating, VALUE),
    "arguments-swapped": (_swapped, _asymmetric, VALUE),
    "support-restricted": (_restricted, ALWAYS, VALUE),
    "sign": (
        lambda c: dataclasses.replace(s := c.solve(losses=-c.losses), value=-s.value),
        ALWAYS,
        VALUE,
    ),
    "gradient-uniform": (_uniform_gradient, ALWAYS, GRADIENT),
    "gradient-lost": (
        lambda c: dataclasses.replace(s := c.solve(), value=s.value.detach() + 0.0 * c.losses.sum()),
        ALWAYS,
        GRADIENT,
    ),
    "value-in-bf16": (_value(lambda _, s, __: s.value.bfloat16()), ALWAYS, VALUE),
}

ELSEWHERE = {
    "infinity-finite": "no attack ends where the cost is infinite: tests/contracts tests it on objectives",
    "density-unweighted": "T1 is the exact solver's program; no objective holds it",
    "potential-untransformed": "T2 likewise; an objective's c-transform is the attack",
    "recession-dropped": "a lower rho than the constraint allows: rho-shifted and multiplier checks",
    "support-widened": "an objective sees the samples of its batch alone",
    "floor-unscaled": "the constraint on rho again, see recession-dropped",
    "singular-forgotten": "mode space, which training refuses",
    "expansion-sign": "T19 describes small radii; no objective computes it",
    "expansion-penalty": "T19 likewise",
    "expansion-factor": "T19 likewise",
}


def _mutate(spec: Spec, change: Callable[[Call], Solution]) -> Objective:
    built = armor.objective(spec, epsilon=0.02, kappa=0.1)
    kind = type(built)

    class Mutant(kind):  # type: ignore[misc,valid-type]
        def evaluate(
            self, losses: Tensor, costs: Tensor | None, weights: Tensor | None, epsilon: float, kappa: float
        ) -> Solution:
            return change(Call(super().evaluate, self.spec, losses, costs, weights, epsilon, kappa))

    built.__class__ = Mutant
    return built


def _label(spec: Spec) -> str:
    return "-".join(map(str, spec.values()))


def _cases() -> list[Any]:
    """One divergence per family and every mutant of it in the default tier; the rest is slow."""
    cases = []
    for spec in SHIPPED:
        quick = _label(spec) in ("kl", "pearson", "renyi-1.25")
        for name, (_, applies, _) in MUTANTS.items():
            if applies(spec):
                marks = () if quick else (pytest.mark.slow,)
                cases.append(pytest.param(spec, name, marks=marks, id=f"{_label(spec)}-{name}"))
    return cases


def test_every_mutant_of_the_verification_layer_is_here_or_explained() -> None:
    assert set(VERIFICATION) <= {*MUTANTS, *ELSEWHERE}
    assert not {*MUTANTS} & {*ELSEWHERE}
    assert len(SHIPPED) >= 15


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["float32", "bf16"])
@pytest.mark.parametrize("spec", SHIPPED, ids=_label)
def test_a_right_objective_passes(spec: Spec, dtype: torch.dtype) -> None:
    """The mutants' own class with nothing changed: what refuses them is their mutation."""
    assert preflight.run(_mutate(spec, Call.solve), dtype=dtype).passed


@pytest.mark.parametrize(("spec", "name"), _cases())
def test_a_broken_objective_is_refused(spec: Spec, name: str) -> None:
    change, _, noticed = MUTANTS[name]
    statement = {"kl": "T8", "alpha": "T9", "renyi": "T10"}.get(str(spec["name"]), "T7")
    for dtype in (torch.float32, torch.bfloat16):
        with pytest.raises(PreflightRefusal) as refusal:
            preflight.run(_mutate(spec, change), dtype=dtype)
        found = {check.statement for check in refusal.value.report.failures}
        assert (statement if noticed == VALUE else noticed) in found


@pytest.mark.parametrize("spec", SHIPPED, ids=_label)
def test_mass_is_counted_to_the_last_digits(spec: Spec) -> None:
    """A hundred-thousandth too much is no distribution, though value and radius would let it pass."""
    with pytest.raises(PreflightRefusal) as refusal:
        preflight.run(_mutate(spec, _weights(lambda _, s: (1 + 1e-5) * s.weights)))
    assert "weights are masses" in {check.subject for check in refusal.value.report.failures}


def _batched(**changes: Callable[[Call, Solution], Tensor]) -> Callable[[Call], Solution]:
    """A mutant that a graph of many problems can hold: epsilon and kappa are tensors (K, 1) there."""

    def mutant(call: Call) -> Solution:
        s = call.solve()
        return dataclasses.replace(s, **{name: change(call, s) for name, change in changes.items()})

    return mutant


COMPILED: dict[str, tuple[Callable[[Call], Solution], str]] = {
    "radius-dropped": (
        _batched(value=lambda c, s: s.value - s.lam * torch.as_tensor(c.epsilon).squeeze(-1)),
        VALUE,
    ),
    "penalty-omitted": (lambda c: c.solve(kappa=0.0 * c.kappa), VALUE),
    "radius-scaled": (lambda c: c.solve(epsilon=1.01 * c.epsilon), VALUE),
    "transport-dropped": (lambda c: c.solve(costs=None if c.costs is None else 0.0 * c.costs), VALUE),
    "value-in-bf16": (_batched(value=lambda _, s: s.value.bfloat16().float()), VALUE),
    "weights-unnormalised": (_batched(weights=lambda _, s: 1.01 * s.weights), WEIGHTS),
    "gradient-lost": (_batched(value=lambda c, s: s.value.detach() + 0.0 * c.losses.sum(-1)), GRADIENT),
}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(spec, marks=() if _label(spec) == "kl" else pytest.mark.slow, id=_label(spec))
        for spec in SHIPPED
        if _label(spec) in ("kl", "pearson", "renyi-1.25", "alpha-6", "tv", "cvar-0.25")
    ],
)
def test_a_compiled_objective_is_measured_compiled(spec: Spec) -> None:
    """Mutants of the value, the weights and the gradient, in one graph; the right objective passes there."""
    for dtype in (torch.float32, torch.bfloat16):
        torch.compiler.reset()  # torch compiles one function a few times at most
        report = preflight.run(_mutate(spec, Call.solve), dtype=dtype, compile=True)
        assert report.passed
        assert report.compile
    statement = {"kl": "T8", "alpha": "T9", "renyi": "T10"}.get(str(spec["name"]), "T7")
    for name, (change, noticed) in COMPILED.items():
        if spec["name"] == "cvar" and name in ("radius-dropped", "penalty-omitted", "radius-scaled"):
            continue  # its divergence is 0 or infinite, so no radius binds
        torch.compiler.reset()
        with pytest.raises(PreflightRefusal) as refusal:
            preflight.run(_mutate(spec, change), compile=True)
        # The run's own radius is measured without a graph.
        failures = [f for f in refusal.value.report.failures if not f.instance.endswith("@own")]
        assert not any("raised" in check.detail for check in failures), failures[0].detail
        assert (statement if noticed == VALUE else noticed) in {check.statement for check in failures}, name
