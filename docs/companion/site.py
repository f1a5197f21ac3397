"""What is checked on the built pages: nothing is fetched from elsewhere, links and pictures exist, size."""

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

__all__ = ["check"]

LIMIT = 40 * 2**20
SHOWN = {"img", "embed", "object", "iframe", "video"}  # what needs words for who cannot see it
# What a page fetches by itself: (element, attribute). Links that a reader follows are not among them.
FETCHED = {
    ("script", "src"), ("img", "src"), ("img", "srcset"), ("iframe", "src"), ("source", "src"), ("video", "src"),
    ("audio", "src"), ("embed", "src"), ("object", "data"), ("use", "href"), ("image", "href"), ("image", "xlink:href"),
}  # fmt: skip
FETCHING_LINKS = {
    "stylesheet",
    "preload",
    "icon",
    "shortcut",
    "preconnect",
    "dns-prefetch",
    "prefetch",
    "modulepreload",
}


QUOTED = {"pre", "code", "script", "style", "annotation", "title"}  # where text may look like markup
RAW = re.compile(r"\]\([^()\s]+\)|\\[A-Za-z]{2,}|\$[^$\s][^$]*\$")  # a link of Markdown, a formula of TeX


def _is_silent(attributes: Mapping[str, str | None]) -> bool:
    """Whether no text says what a picture shows: none, fewer than four words, or its file's name again."""
    text = attributes.get("alt") or attributes.get("aria-label") or ""
    source = unquote(str(attributes.get("src") or attributes.get("data")))
    plain = re.sub(r"\W+|_", " ", text.lower()).split()
    return len(plain) < 4 or " ".join(plain) in re.sub(r"\W+|_", " ", source.lower())


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.silent: list[str] = []  # pictures without a text
        self.raw: list[str] = []  # markup that a reader sees
        self._quoted = 0  # depth in elements of QUOTED

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self._quoted += tag in QUOTED
        if found.get("id"):
            self.ids.add(str(found["id"]))
        for name, value in attrs:
            if value and (tag, name) in FETCHED:
                self.fetched.append(value)
        if tag == "link" and set(str(found.get("rel")).split()) & FETCHING_LINKS and found.get("href"):
            self.fetched.append(str(found["href"]))
        if tag == "a" and found.get("href"):
            self.links.append(str(found["href"]))
        if tag in SHOWN and _is_silent(found):
            self.silent.append(str(found.get("src") or found.get("data")))

    def handle_endtag(self, tag: str) -> None:
        self._quoted -= tag in QUOTED

    def handle_data(self, data: str) -> None:
        if not self._quoted:
            self.raw += RAW.findall(data)


def _local(reference: str) -> bool:
    return not re.match(r"[a-z][a-z0-9+.-]*:|//", reference)


def check(site: Path) -> None:
    """Raise `SystemExit` with everything that is wrong with the pages under `site`."""
    wrong: list[str] = []
    pages: dict[Path, _Page] = {}
    for path in sorted(site.rglob("*.html")):
        page = _Page()
        text = path.read_text(encoding="utf-8")
        page.feed(text)
        pages[path.resolve()] = page
        name = path.relative_to(site)
        wrong += [
            f"{name}: fetches {ref}"
            for ref in page.fetched
            if not _local(ref) and not ref.startswith("data:")
        ]
        wrong += [f"{name}: the picture {src} has no text that says what it shows" for src in page.silent]
        wrong += [f"{name}: {raw} is markup that was not read" for raw in page.raw]
        if "katex-error" in text:
            wrong.append(f"{name}: a formula did not render")
        for reference in page.fetched:
            target, _ = urldefrag(reference.split("?")[0])
            if _local(reference) and target and not (path.parent / unquote(target)).exists():
                wrong.append(f"{name}: {reference} is missing")
    for path, page in pages.items():
        for link in page.links:
            target, fragment = urldefrag(link)
            if not _local(link):
                continue
            other = (path.parent / unquote(target.split("?")[0])).resolve() if target else path
            if not other.exists():
                wrong.append(f"{path.relative_to(site)}: the link {link} leads nowhere")
            elif fragment and other in pages and unquote(fragment) not in pages[other].ids:
                wrong.append(f"{path.relative_to(site)}: no place {fragment!r} behind the link {link}")
    for path in site.rglob("*.css"):
        text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
        for reference in re.findall(r"url\(\s*['\"]?([^'\")]+)|@import\s+['\"]([^'\"]+)", text):
            found = "".join(reference)
            if re.match(r"(https?:)?//", found):
                wrong.append(f"{path.relative_to(site)}: fetches {found}")
    size = sum(path.stat().st_size for path in site.rglob("*") if path.is_file())
    if size > LIMIT:
        wrong.append(f"the site has {size / 2**20:.1f} MB; {LIMIT / 2**20:.0f} are allowed")
    if wrong:
        raise SystemExit("\n".join([*wrong[:60], f"{len(wrong)} faults in the built site"]))
    print(
        f"site: {len(pages)} pages, {size / 2**20:.1f} MB, no request leaves it, links and pictures in order"
    )
