"""Writes every generated page under `docs/generated`; a page that did not change is left alone."""

from pathlib import Path

from companion import DOCS, GENERATED
from companion.derivations import documents
from companion.scripts import code_state, run_all

__all__ = ["write"]


def _put(path: Path, text: str, written: set[Path]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written.add(path)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def write(cache: Path) -> None:
    """Derive, run and draw what the pages need, then write them."""
    from companion import certificates, claims, costs, divergences, gallery, measured, moved, overview
    from companion import statements as pages
    from theory.statement import statements

    found = documents(cache)
    scripts = run_all(sorted((DOCS / "worked").glob("t*.py")), cache)
    missing = [name for name in statements() if f"t{int(name[1:]):02d}" not in scripts]
    if missing:
        raise SystemExit(f"no worked instance under docs/worked for {', '.join(missing)}")
    offered = certificates.offer(GENERATED / "certificates")
    missing = [name for name in statements() if name not in offered]
    if missing:
        raise SystemExit(f"no certificate in companion.offers for {', '.join(missing)}")
    written: set[Path] = set()
    fragments = overview.fragments(found) | claims.fragments(offered) | measured.fragments()
    for name, text in fragments.items():
        _put(GENERATED / "fragments" / f"{name}.md", text, written)
    _put(GENERATED / "formal.md", overview.formal(), written)
    here = GENERATED / "statements"
    for name in statements():
        text = pages.page(name, found, scripts[f"t{int(name[1:]):02d}"], offered[name])
        _put(here / f"{name.lower()}.md", text, written)
    _put(here / "index.md", pages.index(found), written)
    here = GENERATED / "divergences"
    pictures = GENERATED / "pictures"
    state = code_state()
    stamp = cache / "pictures.txt"
    fresh = stamp.is_file() and stamp.read_text() == state
    for name in divergences.names():
        if not fresh:
            divergences.draw(name, pictures)
        _put(here / f"{name}.md", divergences.page(name, found, "../pictures"), written)
    _put(here / "index.md", divergences.index(found), written)
    if not fresh:
        gallery.forget()
        costs.draw(pictures)
        moved.draw(pictures)
    for name, text in overview.pictures(pictures).items():
        _put(GENERATED / "fragments" / f"{name}.md", text, written)
    stamp.write_text(state)
    for path in set(GENERATED.rglob("*.md")) - written:
        if "tutorials" not in path.parts:
            path.unlink()
