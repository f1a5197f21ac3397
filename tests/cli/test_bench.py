"""`armor bench`: it finds its benchmarks, prints one row per comparison, and refuses what it cannot do."""

import json

import pytest
import torch

from armor.cli.main import main

pytest.importorskip("ot")


def test_divergence_rows_hold_both_sides(monkeypatch, capsys):
    from armor.bench import divergence as bench

    monkeypatch.setattr(bench, "_BATCH", (12, 8, 3))
    assert main(["bench", "divergence", "--sizes", "40,600", "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    cases = {(row["case"], row["size"]): row for row in out["rows"]}
    assert set(cases) == {("12 problems", 8), ("kl", 40), ("kl", 600)}
    for row in cases.values():
        assert row["status"] == "CONVERGED"
        assert row["ratio"] == pytest.approx(row["baseline_seconds"] / row["seconds"])
        assert row["gap"] <= 1e-8
    assert cases["kl", 40]["error"] < 1e-5
    assert "emd2" in cases["kl", 600]["baseline"]
    assert out["machine"]["versions"]["POT"] in cases["kl", 600]["baseline"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["bench", "divergence", "--sizes", "ten"], "'ten'"),
        (["bench", "divergence", "--sizes", "1"], "not 1"),
        (["bench", "divergence", "--repeats", "0"], "not 0"),
        (["bench", "divergence", "--device", "tpu"], "'tpu'"),
    ],
)
def test_bad_options(words, message, capsys):
    assert main(words) == 2
    assert message in capsys.readouterr().err


def test_a_device_beyond_those_of_the_machine(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    for words in (["bench", "training"], ["train", "cifar10-smoke"], ["evaluate", "nowhere.pt"]):
        assert main([*words, "--device", "cuda:7"]) == 2
        message = "device 'cuda:7' asked for, but this machine offers 2 CUDA devices"
        assert capsys.readouterr().err == f"armor: {message}\n"


def test_a_device_without_enough_memory_is_one_sentence(monkeypatch, capsys):
    from armor.bench import objectives

    def run(device="cpu"):
        del device
        raise torch.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has a total capacity of 15.77 GiB, "
            "of which 1.2 GiB is free. Process 7 has 14 GiB memory in use."
        )

    monkeypatch.setattr(objectives, "run", run)
    assert main(["bench", "objectives"]) == 2
    assert capsys.readouterr().err == (
        "armor: the CUDA device has not enough memory left (tried to allocate 2.50 GiB): "
        "take smaller batches (--batch of evaluate, training.batch of a recipe) or another --device\n"
    )


def test_unknown_benchmark(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["bench", "everything"])
    assert caught.value.code == 2
    assert "divergence" in capsys.readouterr().err
