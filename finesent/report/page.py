"""The whole comparison as one HTML file that needs nothing else: no network, no server, no other file."""

from __future__ import annotations

import json
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from finesent.report import formatting
from finesent.report.assets import load_assets
from finesent.report.content import Content
from finesent.report.sections import SECTIONS


def render_page(content: Content) -> str:
    """Return the page.

    Texts of data sets and parameters are escaped wherever they stand, and the page's own policy lets no
    script, style or request through but those written here.

    Args:
        content: everything that is shown.
    """
    views = {section.name: section.view(content) for section in SECTIONS}
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            comparison=content.comparison,
            provenance=content.provenance,
            sections=SECTIONS,
            views=views,
            assets=load_assets(),
        )
    )


def _data(value: Any) -> Markup:
    """Write JSON for a script element; what could end it, or open a comment, is escaped as JSON allows."""
    written = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    # These three stand in JSON only inside strings.
    return Markup(written.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("finesent.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["data"] = _data
    environment.filters["count"] = formatting.count
    environment.filters["percent"] = formatting.percent
    environment.filters["listed"] = formatting.listed
    return environment
