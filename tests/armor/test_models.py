"""Models: shapes, determinism, foreign state dicts."""

from pathlib import Path

import pytest
import torch
from torch import nn

from armor.errors import InputError
from armor.models import ModelSpec, create, names
from armor.models.foreign import state_dict_of
from armor.training.checkpoint import load_weights

SMALL = [name for name in names() if not name.startswith("wideresnet")]


def _spec(name: str, classes: int = 7) -> ModelSpec:
    shape = (1, 28, 28) if name == "cnn-mnist" else (3, 32, 32)
    return ModelSpec(name, classes, shape, (0.4,) * shape[0], (0.2,) * shape[0])


@pytest.mark.parametrize("name", SMALL)
def test_logits_and_determinism(name: str) -> None:
    before = torch.random.get_rng_state()
    spec = _spec(name)
    model, same, other = create(spec, seed=3), create(spec, seed=3), create(spec, seed=4)
    assert torch.equal(before, torch.random.get_rng_state())
    x = torch.linspace(0, 1, 2 * spec.shape[0] * spec.shape[1] ** 2).view(2, *spec.shape)
    logits = model.eval()(x)
    assert logits.shape == (2, 7)
    assert torch.equal(logits, same.eval()(x))
    assert not torch.equal(logits, other.eval()(x))


def test_wide_resnets_by_their_parameter_counts() -> None:
    with torch.device("meta"):
        from armor.models.normalise import Normalise
        from armor.models.wideresnet import WideResNet

        normalise = Normalise((0.5,) * 3, (0.5,) * 3)
        deep = WideResNet(normalise, 10, depth=34)
        shallow = WideResNet(normalise, 10, depth=28)
    assert sum(p.numel() for p in deep.parameters()) == 46_160_474
    assert sum(p.numel() for p in shallow.parameters()) == 36_479_194


@pytest.mark.parametrize(
    ("name", "count"), [("resnet18", 11_173_962), ("preactresnet18", 11_172_170), ("cnn-mnist", 379_702)]
)
def test_parameter_counts_of_the_published_networks(name: str, count: int) -> None:
    assert sum(p.numel() for p in create(_spec(name, 10)).parameters()) == count


def test_the_normalisation_is_inside() -> None:
    spec = _spec("cnn-small")
    plain = create(ModelSpec(spec.name, 7, spec.shape, (0.0,) * 3, (1.0,) * 3), seed=1)
    inside = create(spec, seed=1)
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(inside(x), plain((x - 0.4) / 0.2), atol=1e-5)
    assert "normalise.mean" in inside.state_dict()


def test_unknown_model() -> None:
    with pytest.raises(InputError, match="nearest known one is 'resnet18'"):
        create(_spec("resnet-18"))


def _foreign(name: str, prefix: str = "", seed: int = 2) -> dict[str, torch.Tensor]:
    own = create(_spec(name), seed=seed).state_dict()
    return {prefix + key: value for key, value in own.items() if not key.startswith("normalise.")}


def _placed(content: dict[str, object], name: str) -> dict[str, torch.Tensor]:
    return state_dict_of(content, name, create(_spec(name)).state_dict(), "file")


@pytest.mark.parametrize(
    "prefix", ["", "module.", "model.", "_orig_mod.", "module._orig_mod.", "1.", "module.1.", "backbone."]
)
@pytest.mark.parametrize("inside", [None, "state_dict", "net", "ema_state_dict"])
def test_foreign_state_dicts_find_their_places(prefix: str, inside: str | None) -> None:
    own = create(_spec("resnet-small"), seed=2).state_dict()
    foreign: dict[str, object] = {}
    for key, value in _foreign("resnet-small").items():
        foreign[prefix + key.replace(".shortcut.", ".downsample.").replace("linear.", "fc.")] = value
    content = foreign if inside is None else {inside: foreign, "epoch": 3}
    found = _placed(content, "resnet-small")
    assert set(found) == set(own)
    assert all(torch.equal(found[k], own[k]) for k in own if not k.startswith("normalise."))
    default = create(_spec("resnet-small")).state_dict()
    assert torch.equal(found["normalise.mean"], default["normalise.mean"])
    assert torch.equal(found["normalise.std"], default["normalise.std"])


@pytest.mark.parametrize(
    ("names", "prefix"),
    [
        (("0.mean", "0.std"), "1."),
        (("module.0.mean", "module.0.std"), "module.1."),
        (("mu", "sigma"), ""),
        (("module.mu", "module.sigma"), "module."),
        (("normalize.mean", "normalize.std"), "model."),
        (("model.mean", "model.std"), "model."),
    ],
)
@pytest.mark.parametrize("shape", [(3,), (1, 3, 1, 1), ()])
def test_a_normalisation_in_the_file_is_taken_over(
    names: tuple[str, str], prefix: str, shape: tuple[int, ...]
) -> None:
    mean, std = torch.full(shape, 0.25), torch.full(shape, 0.5)
    content = {names[0]: mean, names[1]: std, **_foreign("resnet-small", prefix)}
    found = _placed(content, "resnet-small")
    assert torch.equal(found["normalise.mean"], torch.full((1, 3, 1, 1), 0.25))
    assert torch.equal(found["normalise.std"], torch.full((1, 3, 1, 1), 0.5))
    load_weights(create(_spec("resnet-small")), found, Path("file"), "resnet-small")
    content[names[1]] = torch.zeros(shape)
    with pytest.raises(InputError, match="not positive"):
        _placed(content, "resnet-small")


def test_counters_may_be_absent_and_the_stage_that_trades_never_runs_present() -> None:
    name = "wideresnet-28-10"
    foreign = _foreign(name, "module.")
    stage = {k.replace(".block1.", ".sub_block1."): v for k, v in foreign.items() if ".block1." in k}
    old = {k: v for k, v in (foreign | stage).items() if not k.endswith("num_batches_tracked")}
    assert len(old) < len(foreign | stage) > len(foreign)
    load_weights(create(_spec(name)), _placed({**old}, name), Path("file"), name)
    strange = _placed({**old, "module.strange.weight": torch.zeros(1)}, name)
    with pytest.raises(InputError, match=r"has no 'strange\.weight'"):
        load_weights(create(_spec(name)), strange, Path("file"), name)
    del old["module.block2.layer.0.conv1.weight"]
    short = _placed({**old}, name)
    with pytest.raises(InputError, match=r"needs 'block2\.layer\.0\.conv1\.weight'"):
        load_weights(create(_spec(name)), short, Path("file"), name)


def test_no_weights_at_all() -> None:
    with pytest.raises(InputError, match="holds no state dict"):
        _placed({"epoch": 3}, "resnet18")


def test_batch_statistics_follow_the_batch() -> None:
    model = create(_spec("resnet-small"), seed=0)
    norm = next(m for m in model.modules() if isinstance(m, nn.BatchNorm2d))
    model.train()(torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0)))
    assert not torch.equal(norm.running_mean, torch.zeros_like(norm.running_mean))


@pytest.mark.data
def test_the_checkpoint_inside_the_autoattack_wheel_loads() -> None:
    package = pytest.importorskip("pyautoattack", reason="the extra `attack` is not installed")
    path = Path(package.__file__).parent / "examples" / "model_test.pt"
    if not path.is_file():
        pytest.skip("this build of pyautoattack ships no example checkpoint")
    from armor.evaluation.subject import load_subject

    subject = load_subject(path, architecture="resnet18", dataset=None)
    assert subject.preflight is None
    assert subject.model(torch.zeros(1, 3, 32, 32)).shape == (1, 10)
    with pytest.raises(InputError, match="another model"):
        load_subject(path, architecture="preactresnet18", dataset=None)
    with pytest.raises(InputError, match="--model"):
        load_subject(path, architecture=None, dataset=None)
