"""SVG elements as escaped markup."""

from __future__ import annotations

from collections.abc import Iterable

from markupsafe import Markup, escape


def tag(name: str, content: str | Iterable[Markup] = "", **attributes: object) -> Markup:
    """Return one element.

    Args:
        name: of the element.
        content: text, which is escaped, or elements inside.
        attributes: ``class_`` stands for class, and any other underscore for a hyphen; floats are
            written with one decimal, which is a tenth of a pixel in every chart of the page.
    """
    inside = escape(content) if isinstance(content, str) else Markup("").join(content)
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _short(value))
        for key, value in attributes.items()
    )
    # Names are ours alone, so that they need no escaping.
    return Markup(f"<{name}{written}>{inside}</{name}>")


def chart(
    name: str, size: tuple[float, float], title: str, description: str, parts: Iterable[Markup]
) -> Markup:
    """Return a whole chart that a screen reader announces as one picture.

    Args:
        name: unique on the page; the ids of title and description are made from it.
        size: width and height in the units of the drawing, which the style sheet scales.
        title: what is drawn.
        description: what is to be seen there, in words.
        parts: the drawing.
    """
    width, height = size
    return tag(
        "svg",
        [
            tag("title", title, id=f"{name}-title"),
            tag("desc", description, id=f"{name}-desc"),
            *parts,
        ],
        class_="chart",
        role="img",
        viewBox=f"0 0 {width:g} {height:g}",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-desc",
    )


def path(points: Iterable[tuple[float, float]]) -> str:
    """Return the path data of a line through the points; empty without any."""
    steps = [f"{_short(x)} {_short(y)}" for x, y in points]
    return "M" + "L".join(steps) if steps else ""


def shortened(text: str, most: int) -> str:
    """Cut a text to ``most`` characters, the last of them an ellipsis."""
    return text if len(text) <= most else text[: most - 1] + "…"


def _short(value: object) -> str:
    return f"{round(value, 1):g}" if isinstance(value, float) else str(value)
