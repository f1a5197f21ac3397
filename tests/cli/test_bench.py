"""`armor bench`: it finds its benchmarks, prints one row per comparison, and refuses what it cannot do."""

import json

import pytest

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


def test_unknown_benchmark(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["bench", "everything"])
    assert caught.value.code == 2
    assert "divergence" in capsys.readouterr().err
