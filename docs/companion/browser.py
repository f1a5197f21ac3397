"""Opens the built pages in headless Chromium and keeps what it shows: `python -m companion.browser SITE FOLDER [PAGE...]`.

Phone (400 px) and desktop (1400 px), light and dark. A page that is wider than its window is a fault.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

__all__ = ["main"]

PAGES = (
    "index",
    "reviewer",
    "generated/statements/t8",
    "generated/divergences/kl",
    "moved",
    "guide/validate",
    "choosing",
)
SIZES = {"phone": (400, 3000), "desktop": (1400, 2200)}
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--disable-background-networking",
         "--disable-extensions", "--no-first-run", "--virtual-time-budget=3000"]  # fmt: skip
# Measures inside a frame of the wanted width, since a headless window has a least width of its own.
_FRAME = """<!doctype html><meta charset="utf-8"><style>body{{margin:0}}</style>
<iframe id="f" src="{url}" style="border:0;width:{width}px;height:{height}px"></iframe>
<script>document.getElementById("f").onload = e => {{
  const d = e.target.contentDocument;
  d.body.dataset.theme = "{theme}";
  document.title = d.documentElement.scrollWidth;
}};</script>"""


def _browser() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    raise SystemExit("make docs-browser needs Chromium (Debian: apt-get install chromium)")


def main(site: Path, folder: Path, pages: tuple[str, ...]) -> int:
    """Write the screenshots; 1 when a page does not fit its window."""
    browser = _browser()
    folder.mkdir(parents=True, exist_ok=True)
    wide = []
    for page in pages:
        for size, (width, height) in SIZES.items():
            for theme in ("light", "dark"):
                name = f"{page.replace('/', '-')}-{size}-{theme}"
                with tempfile.TemporaryDirectory(dir=site) as scratch:
                    frame = Path(scratch) / "frame.html"
                    url = f"../{page}.html"
                    frame.write_text(
                        _FRAME.format(url=url, width=width, height=height, theme=theme), encoding="utf-8"
                    )
                    common = [
                        browser,
                        *FLAGS,
                        "--allow-file-access-from-files",
                        f"--user-data-dir={scratch}/profile",
                    ]
                    window = f"--window-size={max(width, 500)},{height}"
                    address = frame.resolve().as_uri()
                    subprocess.run(
                        [*common, window, f"--screenshot={(folder / name).resolve()}.png", address],
                        capture_output=True, check=True, timeout=120,
                    )  # fmt: skip
                    shown = subprocess.run(
                        [*common, window, "--dump-dom", address],
                        capture_output=True,
                        text=True,
                        check=True,
                        timeout=120,
                    ).stdout
                measured = re.search(r"<title>(\d+)</title>", shown)
                if measured is None or int(measured.group(1)) > width:
                    wide.append(
                        f"{name}: {measured.group(1) if measured else '?'} px wide in a window of {width}"
                    )
    print("\n".join(wide) or f"{len(pages)} pages fit at every width; pictures in {folder}")
    return 1 if wide else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), tuple(sys.argv[3:]) or PAGES))
