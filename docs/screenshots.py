"""Pictures of the top of the page for the README: ``python -m docs.screenshots report/index.html docs``.

Writes report-1280.png and report-390.png, which are what a laptop and a phone show first. Needs the extra
``test`` and a Chromium; FINESENT_CHROMIUM names one that is not at /usr/bin/chromium.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from playwright.sync_api import sync_playwright

from finesent.files import replacing

# Width and height of the window in CSS pixels.
_WINDOWS = ((1280, 1000), (390, 844))
_CHROMIUM = os.environ.get("FINESENT_CHROMIUM", "/usr/bin/chromium")


def main() -> None:
    """Take the pictures that the arguments ask for."""
    parser = argparse.ArgumentParser(prog="python -m docs.screenshots", description=__doc__)
    parser.add_argument("page", type=Path, help="report/index.html")
    parser.add_argument("folder", type=Path, help="where the pictures go")
    arguments = parser.parse_args()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=_CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        for width, height in _WINDOWS:
            page = browser.new_page(
                viewport={"width": width, "height": height}, color_scheme="light", device_scale_factor=1.5
            )
            page.goto(arguments.page.resolve().as_uri())
            with replacing(arguments.folder / f"report-{width}.png") as temporary:
                temporary.write_bytes(page.screenshot())
        browser.close()


if __name__ == "__main__":
    main()
