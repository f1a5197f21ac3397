"""The training loop: attack, losses, objective, update; validation, checkpoints and metrics around it."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.utils import clip_grad_norm_

from armor.data.keys import generator_for, seed_of
from armor.errors import NotANumberError
from armor.evaluation.measure import correct, correct_under
from armor.methods import StepResult, Udr
from armor.objectives import CarriedDual, LearnedDual
from armor.objectives.pooling import Pooled
from armor.recipes import Recipe
from armor.training import metrics
from armor.training.arithmetic import Cast
from armor.training.audit import Audit
from armor.training.average import EpochAverage, StepAverage, estimate_statistics
from armor.training.batches import Batches
from armor.training.build import movable, validation_attack
from armor.training.perturb import perturbed
from armor.training.schedule import learning_rate
from armor.training.state import SUMS, State
from armor.training.workers import ALONE, Workers, pool_batchnorm

__all__ = ["Diverged", "Stopped", "Trainer", "best_record", "finished"]

_ATTACK = 0xADE
_VALIDATION = 0x7A1
_SAVE_SECONDS = 60.0
_STATISTICS = 100  # batches from which the batch statistics of averaged weights are estimated
_CHECK_STEPS = 50  # how often a device that works ahead of the host is asked whether all is finite


class Diverged(Exception):
    """A loss or a weight is no longer a number; the message says where, why and what to do."""


class Stopped(Exception):
    """The user asked for an end; the checkpoint is written."""


@dataclass(frozen=True)
class Hooks:
    """What the loop tells the outside and asks of it.

    `begin(step, total)` once, `tick(loss)` after a step, `line(text)` for people, `epoch(text, left)` after
    an epoch, with the seconds to the end at the pace so far; `stop()` true ends the run.
    """

    begin: Callable[[int, int], object] = lambda _step, _total: None
    tick: Callable[[float | None], object] = lambda _loss: None
    line: Callable[[str], object] = lambda _text: None
    epoch: Callable[[str, float], object] = lambda _text, _left: None
    stop: Callable[[], bool] = lambda: False


def best_record(history: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The epoch with the highest robust, then natural, validation accuracy; of equals the earliest."""
    scored = [record for record in history if record.get("validation")]
    if not scored:
        return None
    return max(scored, key=lambda r: (r["validation"]["robust"], r["validation"]["natural"], -r["epoch"]))


def finished(history: list[dict[str, Any]], recipe: Recipe) -> bool:
    """Whether a run with these records has reached the end of its recipe, or its patience.

    By the records alone, as resuming needs it.
    """
    patience, best = recipe.validation.patience, best_record(history)
    exhausted = patience > 0 and best is not None and len(history) - best["epoch"] >= patience
    return len(history) >= recipe.training.epochs or exhausted


class Trainer:
    """One run in one folder: `last.pt` to go on from, `best.pt` to publish, `metrics.jsonl` to plot.

    Args:
        recipe: the run. state: where it stands. batches: its images. folder: where its files go.
        hooks: how it reports. audit: what checks the objective on the way. workers: who shares the work.
        board: TensorBoard.
    """

    def __init__(
        self,
        recipe: Recipe,
        state: State,
        batches: Batches,
        folder: Path,
        hooks: Hooks | None = None,
        audit: Audit | None = None,
        workers: Workers = ALONE,
        board: metrics.Board | None = None,
    ) -> None:
        self.recipe, self.state, self.batches, self.method = recipe, state, batches, state.method
        self.folder, self.hooks = folder, hooks or Hooks()
        self.audit, self.workers, self.board = audit, workers, board
        if workers.several:
            pool_batchnorm(state.model)
            if state.average is not None:
                pool_batchnorm(state.average.model)
        self.model = Cast(state.model, state.arithmetic)
        # Validation runs in graphs of its own, too few times to be worth compiling.
        self.eager = replace(state.arithmetic, compiled=False)
        # Nor is it left to float16, in which an attack sees less of the gradient, and so would the selection.
        low = self.eager.precision == "float16"
        self.measured = replace(self.eager, precision="float32") if low else self.eager
        self.generator = generator_for(batches.images.device)
        self.total = batches.per_epoch * recipe.training.epochs
        self._counted = batches.batch
        self._since = time.monotonic()
        self._saved = self._since

    def seconds(self) -> float:
        """Training time so far, earlier parts of the run included."""
        return self.state.seconds + time.monotonic() - self._since

    def fit(self) -> None:
        """Train to the end of the recipe.

        Raises:
            Diverged: a loss or weight is not finite. Stopped: `hooks.stop()` said so.
        """
        state = self.state
        self.hooks.begin(state.step, self.total)
        if state.step == 0:
            self._save_last()  # from now on the run can be resumed, and a full disk shows early
        elif state.history:
            self._write_metrics(told=True)  # killed between checkpoint and metrics, it has lost a record
        # Epochs are counted by their records: a run may have been saved after an epoch's last step and before
        # its validation.
        while not finished(state.history, self.recipe):
            epoch = len(state.history)
            start = state.step - epoch * self.batches.per_epoch
            began, done = time.monotonic(), 0
            for x, y, index in self.batches.epoch(epoch, start):
                self._step(self.model.place(x), y, index)
                done += y.numel()
                stop, save = self._agreed(
                    self.hooks.stop(), time.monotonic() - self._saved > _SAVE_SECONDS, y.device
                )
                if stop or save:
                    self._save_last()
                if stop:
                    raise Stopped
            # A run that goes on after an epoch's last step has nothing to measure.
            self._close_epoch(epoch, done / (time.monotonic() - began) if done else None)

    def _agreed(self, stop: bool, save: bool, device: torch.device) -> tuple[bool, bool]:
        """Whether any worker wants to stop or to save; all must do so after the same step."""
        if not self.workers.several:
            return stop, save
        if device.type != "cpu" and self.state.step % _CHECK_STEPS:
            return False, False  # asking a device that works ahead of the host would stop it
        wanted = torch.tensor([stop, save], dtype=torch.float32, device=device)
        found = self.workers.largest(wanted).tolist()
        return bool(found[0]), bool(found[1])

    def _step(self, x: Tensor, y: Tensor, index: Tensor) -> None:
        state, chosen = self.state, self.recipe.optimizer
        rate = learning_rate(
            self.recipe.schedule, chosen, state.step, self.batches.per_epoch, self.recipe.training.epochs
        )
        for group in state.optimizer.param_groups:
            group["lr"] = rate
        # The attack's randomness is a function of the step alone, so nothing but the step need be saved.
        self.generator.manual_seed(seed_of(self.recipe.training.seed, _ATTACK, state.step))
        self.model.train()
        dual = self.method.objective
        held = isinstance(dual, LearnedDual) or (isinstance(dual, CarriedDual) and dual.solved)
        # Held dual variables weigh each worker's share by itself, solved ones the whole batch.
        self._counted = y.numel() if held else self.batches.batch
        self._skip_others_noise(x)
        try:
            moved = self.method.attack(self.model, x, y, self.generator)
        except NotANumberError as error:
            raise Diverged(self._explain(None, rate, attacked=True)) from error
        for optimizer in self._optimizers():
            optimizer.zero_grad(set_to_none=True)
        with self._pooled_until_solved(), self._worst_weights(x, y, moved, index):
            carried = self.workers.several and isinstance(self.method.objective, CarriedDual)
            result = self.method.loss(self.model, x, y, moved, index=index, observe=not carried)
            loss = result.loss if state.scaler is None else state.scaler.scale(result.loss)
            loss.backward()  # type: ignore[no-untyped-call]
        if carried:
            self._observe(index, result)
        self._average_gradients()
        if state.scaler is not None:
            for optimizer in self._optimizers():
                state.scaler.unscale_(optimizer)
        if chosen.clip:
            clip_grad_norm_(state.model.parameters(), chosen.clip)
        look = x.device.type == "cpu" or state.step % _CHECK_STEPS == 0
        # A float16 overflow is the scaler's to deal with.
        summary = self._summary(result, y)
        if result.solution is not None:
            inside, solution = state.step % self.batches.per_epoch, result.solution
            state.trace.add(inside, solution.lam, solution.weights, self._counted, self.workers)
        if look and state.scaler is None and not bool(torch.isfinite(summary[0])):
            raise Diverged(self._explain(result, rate))
        if self.audit is not None:
            self.audit(state.step, result, x, y, state.model.state_dict())
        self._update()
        if isinstance(state.average, StepAverage):
            state.average.update(state.model, state.step)
        state.sums += summary
        state.step += 1
        self.hooks.tick(float(summary[0]) if look else None)

    def _summary(self, result: StepResult, y: Tensor) -> Tensor:
        """The entries of SUMS for one step, on the device."""
        zero = torch.zeros((), dtype=torch.float64, device=y.device)
        natural = zero if result.logits is None else (result.logits.argmax(1) == y).double().mean()
        lam = largest = gap = unconverged = zero
        if result.solution is not None:
            lam = result.solution.lam.double()
            largest = result.solution.weights.max().double() * self._counted
            self.workers.largest(largest)
            gap = result.solution.gap.double()
            unconverged = result.solution.unconverged
        if isinstance(self.method, Udr) and self.method.alternation is not None:
            gap = self.method.alternation.gap.to(zero)  # what transport and multiplier leave between them
        adversarial = (result.adversarial_logits.argmax(1) == y).double().mean()
        summary = torch.stack(
            [result.loss.detach().double(), adversarial, natural, lam, largest, gap, unconverged]
        )
        self.workers.average([summary])
        return summary

    def _optimizers(self) -> list[torch.optim.Optimizer]:
        dual = self.state.dual_optimizer
        return [self.state.optimizer] if dual is None else [self.state.optimizer, dual]

    def _worst_weights(self, x: Tensor, y: Tensor, moved: Any, index: Tensor) -> AbstractContextManager[None]:
        chosen, epoch = self.recipe.awp, self.state.step // self.batches.per_epoch
        if not chosen.gamma or epoch < chosen.start:
            return nullcontext()

        def loss() -> Tensor:
            return self.method.loss(self.model, x, y, moved, index=index, observe=False).loss

        scaler = self.state.scaler
        scale = 1.0 if scaler is None else scaler.get_scale()
        return perturbed(self.state.model, loss, chosen.gamma, self.workers.average, scale=scale)

    @contextmanager
    def _pooled_until_solved(self) -> Iterator[None]:
        """Until a carried dual has been solved once, the batch's own serves: that of all workers."""
        dual = self.method.objective
        if not (self.workers.several and isinstance(dual, CarriedDual) and not dual.solved):
            yield
            return
        alone = dual.objective
        dual.objective = Pooled(alone)  # type: ignore[assignment]
        try:
            yield
        finally:
            dual.objective = alone

    def _skip_others_noise(self, x: Tensor) -> None:
        """Draw what the workers before this one draw, so that each sample starts where one worker puts it.

        Exact for the starts that draw one number per pixel once; the others differ between workers, as they
        must, by their seed.
        """
        if self.workers.first:
            return
        attack, rank = self.recipe.attack, self.workers.rank
        once = attack.cost == "ball" and (attack.norm == "linf" or attack.start == "gaussian")
        once = once and attack.restarts == 1
        if once and attack.start != "none":
            make = torch.randn if attack.start == "gaussian" else torch.rand
            shape = (rank * x.shape[0], *x.shape[1:])
            make(shape, generator=self.generator, device=self.generator.device)
        elif not once:
            seed = self.recipe.training.seed
            self.generator.manual_seed(seed_of(seed, _ATTACK, self.state.step, rank))

    def _average_gradients(self) -> None:
        if self.workers.several:
            found = [p.grad for o in self._optimizers() for g in o.param_groups for p in g["params"]]
            self.workers.average([grad for grad in found if grad is not None])

    def _observe(self, index: Tensor, result: StepResult) -> None:
        """A carried dual follows the samples of all workers."""
        assert isinstance(self.method.objective, CarriedDual)
        costs = None if result.costs is None else self.workers.gather(result.costs.detach())
        losses = self.workers.gather(result.losses)
        self.method.objective.observe(self.workers.gather(index), losses, costs)

    def _update(self) -> None:
        scaler = self.state.scaler
        for optimizer in self._optimizers():
            if scaler is None:
                optimizer.step()
            else:
                scaler.step(optimizer)
        if scaler is not None:
            scaler.update()
            # Each step whose gradients overflow halves the scale; below one there is nothing left to try.
            if scaler.get_scale() < 1.0:
                raise Diverged(self._explain(None, self.state.optimizer.param_groups[0]["lr"], overflow=True))

    def _explain(
        self, result: StepResult | None, rate: float, *, overflow: bool = False, attacked: bool = False
    ) -> str:
        state = self.state
        epoch = state.step // self.batches.per_epoch + 1
        if overflow:
            what = "the gradients overflow float16 however they are scaled"
        elif not state.finite():
            what = "a weight of the network is not finite"
        elif attacked or (result is not None and not bool(torch.isfinite(result.adversarial_logits).all())):
            what = "the network's output is not finite"
        elif result is not None and not bool(torch.isfinite(result.losses).all()):
            what = "a sample's loss is not finite though the network's output is"
        else:
            what = "the objective's value is not finite though all losses are"
        advice = ["lower optimizer.lr", "set optimizer.clip"]
        if isinstance(self.method.objective, LearnedDual):
            advice.append("lower dual.lr")
        if state.arithmetic.precision != "float32":
            advice.append("try training.precision=float32")
        todo = f"{', '.join(advice[:-1])} or {advice[-1]}"
        return (
            f"training diverged at step {state.step + 1} (epoch {epoch}): {what} "
            f"(learning rate {rate:.3g}, {state.arithmetic.precision}); {todo}; "
            f"the last good checkpoint is {self.folder / 'last.pt'}"
        )

    def _close_epoch(self, epoch: int, throughput: float | None) -> None:
        state, per_epoch = self.state, self.batches.per_epoch
        if not state.finite():
            raise Diverged(self._explain(None, state.optimizer.param_groups[0]["lr"]))
        self._average_epoch(epoch)
        sums = dict(zip(SUMS, (state.sums / per_epoch).tolist(), strict=True))
        record: dict[str, Any] = {
            "epoch": epoch + 1,
            "step": state.step,
            "lr": state.optimizer.param_groups[0]["lr"],
            "loss": sums["loss"],
            "adversarial_accuracy": sums["adversarial"],
            "natural_accuracy": sums["natural"] if self.method.needs_natural else None,
            "lambda": sums["lambda"] if self.method.objective is not None else None,
            "largest_weight": sums["largest_weight"] if self.method.objective is not None else None,
            "gap": sums["gap"] if isfinite(sums["gap"]) and self.method.objective is not None else None,
            "unconverged": round(sums["unconverged"] * per_epoch)
            if self.method.objective is not None
            else None,
            "validation": self.workers.agree(self._validate(epoch) if self.workers.first else None),
            "images_per_second": throughput,
            "seconds": self.seconds(),
        }
        if self.method.objective is not None:
            record |= state.trace.close()
        state.sums.zero_()
        state.history.append(record)
        best = best_record(state.history)
        if self.workers.first and (best is None or best is record):
            state.save_best(self.folder / "best.pt", self.recipe)
        self._save_last()
        self._write_metrics()
        left = (self.recipe.training.epochs - epoch - 1) * self.seconds() / (epoch + 1)
        self.hooks.epoch(describe(record, self.recipe.training.epochs, best is record), left)

    def _average_epoch(self, epoch: int) -> None:
        state = self.state
        state.epochs = epoch + 1
        if isinstance(state.average, EpochAverage) and state.average.update(state.model, epoch + 1):
            batches = islice(self.batches.epoch(epoch), _STATISTICS)
            estimate_statistics(Cast(state.average.model, self.eager), (x for x, *_ in batches))

    def _validate(self, epoch: int) -> dict[str, Any] | None:
        chosen, last = self.recipe.validation, epoch + 1 == self.recipe.training.epochs
        x, y = self.batches.x_validation, self.batches.y_validation
        if not y.numel() or ((epoch + 1) % chosen.every and not last):
            return None
        model = Cast(self.state.candidate, self.measured)
        was = model.training
        model.eval()
        seed = seed_of(self.recipe.training.seed, _VALIDATION)
        natural = correct(model, x, y)
        name, attack = validation_attack(self.recipe)
        robust = correct_under(model, attack, x, y, seed=seed, only=movable(self.recipe))
        model.train(was)
        return {
            "natural": float(natural.double().mean()),
            "robust": float(robust.double().mean()),
            "images": y.numel(),
            "attack": name,
        }

    def _save_last(self) -> None:
        if not self.state.finite():
            raise Diverged(self._explain(None, self.state.optimizer.param_groups[0]["lr"]))
        self._saved = time.monotonic()
        if not self.workers.first:
            return
        self.state.save_last(self.folder / "last.pt", self.recipe, self.seconds())

    def _write_metrics(self, *, told: bool = False) -> None:
        """Write all records; `told`: TensorBoard knows the last one."""
        if not self.workers.first:
            return
        metrics.write(self.folder, self.state.history)
        if self.board is not None and not told:
            self.board.add(self.state.history[-1])


def describe(record: dict[str, Any], epochs: int, best: bool) -> str:
    """One line for people about a finished epoch."""
    text = f"epoch {record['epoch']:>3}/{epochs}  loss {record['loss']:.3f}"
    if record["natural_accuracy"] is not None:
        text += f"  natural {100 * record['natural_accuracy']:.1f} %"
    text += f"  adversarial {100 * record['adversarial_accuracy']:.1f} %"
    if record["lambda"] is not None:
        text += f"  lambda {record['lambda']:.3g}  largest weight x{record['largest_weight']:.2f}"
    if record["unconverged"]:
        text += f"  {record['unconverged']} batches whose objective did not converge"
    if record["validation"]:
        seen = record["validation"]
        text += f"  | validation: natural {100 * seen['natural']:.1f} %"
        text += f", {seen['attack']} {100 * seen['robust']:.1f} %"
        text += "  (best)" if best else ""
    return text
