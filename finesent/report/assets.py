"""Style sheets and scripts of the page, joined, with the policy that lets these and nothing else run."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files

_STATIC = files("finesent.report") / "static"

# In the order in which they build on each other.
_STYLES = ("tokens.css", "layout.css", "tables.css", "charts.css", "explorer.css", "print.css")
_SCRIPTS = (
    "nav.js",
    "regions.js",
    "explorer_data.js",
    "explorer_state.js",
    "explorer_rows.js",
    "explorer.js",
    "print.js",
)


@dataclass(frozen=True)
class Assets:
    """What is written into the page.

    Attributes:
        style: all style sheets.
        theme: the script in the head, which sets the theme before anything is drawn.
        script: all scripts at the end, in one function of their own.
        policy: the Content-Security-Policy: no request at all, and no style or script but these.
    """

    style: str
    theme: str
    script: str
    policy: str


def load_assets() -> Assets:
    """Read and join the files that lie beside this module."""
    style = "\n".join(map(_read, _STYLES))
    theme = _alone(_read("theme.js"))
    script = _alone("\n".join(map(_read, _SCRIPTS)))
    policy = "; ".join(
        [
            "default-src 'none'",
            f"style-src {_hash(style)}",
            f"script-src {_hash(theme)} {_hash(script)}",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )
    return Assets(style, theme, script, policy)


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


def _alone(script: str) -> str:
    return f'"use strict";\n(() => {{\n{script}}})();\n'


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
