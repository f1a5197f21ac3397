"""What the pages promise a reviewer: certificates and purposes of hypotheses, walks, complete members."""

import json
import re
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs"))

from companion import certificates, claims, divergences, hypotheses, katex, offers, statements  # noqa: E402

from theory.statement import statement  # noqa: E402
from theory.statement import statements as known  # noqa: E402


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, certificates.Offered]:
    return certificates.offer(tmp_path_factory.mktemp("certificates"))


def test_every_statement_has_certificates_that_prove_something(
    offered: dict[str, certificates.Offered],
) -> None:
    assert set(offered) == set(known())
    for name, mine in offered.items():
        assert mine.certificates, name
        assert mine.consequences, name
        for c in mine.certificates:
            assert re.match(r"accepted: .*\n  enclosed: ", c.verdict), c
            assert c.upper - c.lower <= 1e-9 * max(1.0, abs(float(c.upper))), c


@pytest.mark.parametrize("name", known())
def test_a_page_offers_command_certificate_and_instance(
    name: str, offered: dict[str, certificates.Offered]
) -> None:
    text = "\n".join([*statements._program(name), *statements._certificate(offered[name])])
    assert f"$ armor verify --only {name}\n" in text
    for c in offered[name].certificates:
        assert f"$ armor check {c.file}\naccepted" in text
        assert f"<../certificates/{c.file}>" in text
    assert hypotheses.label(name, "An instance to redo by hand") == f"{name.lower()}-section-1"


def test_a_claim_that_does_not_follow_stops_the_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    coin = offers.OFFERS["T4"].files
    for claim, message in (
        (offers.Claim("too large", {"": 1}, 1.800001, 1e-8), "<= 1.000e-06 only"),
        (offers.Claim("not positive", {"": 1}, 1.800001), "do not prove 'not positive'"),
    ):
        monkeypatch.setattr(certificates, "OFFERS", {"T4": offers.Offer(coin, [claim])})
        with pytest.raises(SystemExit, match=message):
            certificates.offer(tmp_path)


def test_a_page_shows_what_armor_check_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from armor.cli.main import main

    found = certificates.offer(tmp_path)
    file = tmp_path / "t14_renyi_middle.json"
    (shown,) = (c.verdict for c in found["T14"].certificates if c.file == file.name)
    capsys.readouterr()
    assert main(["check", str(file)]) == 0
    assert capsys.readouterr().out == shown + "\n"
    changed = json.loads(file.read_text(encoding="utf-8"))
    changed["claim"] = {"lower": "100", "upper": "101"}
    file.write_text(json.dumps(changed), encoding="utf-8")
    assert main(["check", str(file)]) == 1


@pytest.mark.parametrize("name", known())
def test_every_hypothesis_is_explained(name: str) -> None:
    found = hypotheses.purposes(name, statement(name).hypotheses)
    assert len(found) == len(statement(name).hypotheses)
    for purpose in found:
        assert purpose.why
        for owner, title in purpose.see:
            assert hypotheses.label(owner, title)
    assert "\n".join(hypotheses.section(name, statement(name).hypotheses)).count("\n- ") == len(found)


def test_a_changed_hypothesis_stops_the_build() -> None:
    given = statement("T18").hypotheses
    with pytest.raises(SystemExit, match="has 3 hypotheses, 2 of them are explained"):
        hypotheses.purposes("T18", (*given, "one more"))
    with pytest.raises(SystemExit, match="is not in 'another'"):
        hypotheses.purposes("T18", (given[0], "another"))
    with pytest.raises(SystemExit, match="no section 'Nothing'"):
        hypotheses.label("T18", "Nothing")


def test_every_claim_walks_down_to_a_certificate(offered: dict[str, certificates.Offered]) -> None:
    pages = claims.fragments(offered)
    for claim in claims.claims():
        for name in claim["statements"]:
            file = offered[name].certificates[0].file
            row = next(line for line in pages["walks"].split("\n") if f"[{name}](generated" in line)
            assert f"(#{name.lower()}-section-1)" in row
            assert f"<generated/certificates/{file}>" in row
            assert f"`armor check {file}`" in row
    assert pages["claims"].count("\n") == 2 + len(claims.claims())


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ('statements = ["T99"]\nformal = []\nstands = "y"', "T99"),
        ('statements = ["T10"]\nformal = ["T8_strong_duality"]\nstands = "y"', "T8_strong_duality"),
        ('statements = ["T10"]\nformal = ["T10_none"]\nstands = "y"', "T10_none"),
        ('statements = ["T10"]\nformal = []\nstands = "y"', "at least one of each statement"),
        ('statements = ["T9"]\nformal = []\nstands = "in Coq"', "leaves Coq to it"),
    ],
)
def test_a_claim_that_the_theorems_do_not_bear_out_stops_the_build(
    entry: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "claims.toml").write_text(f'[[claim]]\nwords = "x"\n{entry}\n', encoding="utf-8")
    monkeypatch.setattr(claims, "DOCS", tmp_path)
    with pytest.raises(SystemExit, match=message):
        claims.claims()


@pytest.mark.parametrize("name", divergences.names())
def test_a_member_has_plots_limits_and_notes(name: str) -> None:
    specs = divergences._specs(name)
    notes = divergences._notes(name)
    assert set(notes) == {"choose", "trap"}
    plots = "\n".join(divergences._plots(name, name, specs, "here"))
    assert f"here/{name}_f.svg" in plots
    assert f"here/{name}_weights.svg" in plots
    rows = [line for line in "\n".join(divergences._limits(name)).split("\n") if line.startswith("| ")]
    assert len(rows) >= 2 + len(specs)
    assert all(row.count("|") == len(divergences.LIMITS) + 2 for row in rows)


@pytest.mark.parametrize(
    ("name", "ranges"),
    [("hellinger", ("from 0 to 4", "from -4 to 0.86")), ("reverse_kl", ("from 0.01 to 4", "from -4 to 0"))],
)
def test_a_plot_is_described_over_what_it_shows(name: str, ranges: tuple[str, str]) -> None:
    assert (divergences._ranges(name, 0), divergences._ranges(name, 2)) == ranges


def test_the_limits_say_where_they_end() -> None:
    text = next(divergences._limits("alpha"))
    assert "0.9622 (alpha = 5/2), 0.9789 (alpha = -1), and the largest loss otherwise" in text
    assert next(divergences._limits("kl")).endswith("it is the largest loss.")


def test_members_without_a_curve_say_why(tmp_path: Path) -> None:
    for name, why in (("renyi", "no single function $f$"), ("none", "a single point")):
        assert why in "\n".join(divergences._plots(name, name, divergences._specs(name), "here"))
        divergences.draw(name, tmp_path)
        assert (tmp_path / f"{name}_f.svg").stat().st_size > 1000
        assert (tmp_path / f"{name}_weights.svg").stat().st_size > 1000


def test_katex_is_waited_for_until_it_listens(tmp_path: Path) -> None:
    """The socket is there, bound, before anybody listens: a busy machine refused the first formula."""
    path = tmp_path / "katex.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as server:
        server.bind(str(path))
        with pytest.raises(TimeoutError, match=r"within 0\.05 s"):
            katex.connected(path, 0.05)
        later = threading.Timer(0.1, server.listen)
        later.start()
        katex.connected(path, 30).close()
        later.join()


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("Renyi's neighbour Reyni", "Rényi"),
        ("the Wassertein distance", "Wasserstein"),
        ("Fenchal conjugates", "Fenchel"),
        ("a re-weigthing of samples", "re-weighting"),
        ("a pertubation", "perturbation"),
    ],
)
def test_a_misspelt_term_stops_the_build(tmp_path: Path, written: str, right: str) -> None:
    """As `make docs` calls it: codespell's own dictionary and the field's."""
    page = tmp_path / "page.md"
    page.write_text(f"{written}\n", encoding="utf-8")
    tool = shutil.which("codespell", path=str(Path(sys.executable).parent))
    if tool is None:
        pytest.skip("codespell is not installed (extra docs)")
    command = [tool, "-D", "-", "-D", str(ROOT / "docs" / "terms.txt"), str(page)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert right in done.stdout
    page.write_text(f"{right}\n", encoding="utf-8")
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_terms_are_a_dictionary() -> None:
    lines = (ROOT / "docs" / "terms.txt").read_text(encoding="utf-8").split("\n")[:-1]
    pairs = [line.split("->") for line in lines]
    assert all(len(pair) == 2 and pair[0] == pair[0].lower() for pair in pairs)
    wrong = [pair[0] for pair in pairs]
    assert len(set(wrong)) == len(wrong)
    assert not set(wrong) & {pair[1].lower() for pair in pairs}


def test_every_question_has_a_number_a_command_and_a_link() -> None:
    sections = (ROOT / "docs" / "questions.md").read_text(encoding="utf-8").split("\n## ")[1:]
    assert len(sections) == 8
    for section in sections:
        title = section.split("\n")[0]
        assert "```{live" in section or "```{include}" in section, title
        assert "`armor " in section or "$ armor " in section, title
        assert "](" in section, title
