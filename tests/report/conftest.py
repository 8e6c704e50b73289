"""The made-up study of builder.py as content, as a page and as a file."""

from __future__ import annotations

from pathlib import Path

import pytest

from finesent.report.content import Content
from finesent.report.page import render_page
from tests.report.builder import make_bare_content, make_content


@pytest.fixture(scope="session")
def content() -> Content:
    """Five ablations, three seeds, 400 items."""
    return make_content()


@pytest.fixture(scope="session")
def bare_content() -> Content:
    """The least there can be."""
    return make_bare_content()


@pytest.fixture(scope="session")
def page(content: Content) -> str:
    """The page of the made-up study."""
    return render_page(content)


@pytest.fixture(scope="session")
def bare_page(bare_content: Content) -> str:
    """The page of the least there can be."""
    return render_page(bare_content)


@pytest.fixture(scope="session")
def page_file(tmp_path_factory: pytest.TempPathFactory, page: str) -> Path:
    """The page as a file."""
    path = tmp_path_factory.mktemp("page") / "index.html"
    path.write_text(page, encoding="utf-8")
    return path
