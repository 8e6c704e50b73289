"""The compiled operations as functions of tensors' memory."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import POINTER, Structure, byref, c_double, c_float, c_int32, c_int64, c_uint64, c_void_p
from functools import cache
from pathlib import Path

import numpy as np
import torch

from finesent.compiling import CompilingError, compiled

SOURCES = Path(__file__).parent / "source"
# As the names in C++ end.
_TYPES = {torch.bfloat16: "bf16", torch.float32: "float"}


class Strides(Structure):
    """Between heads and between tokens, in numbers; those of a state are neighbours."""

    _fields_ = [("head", c_int64), ("token", c_int64)]


class Parts(Structure):
    """Queries, keys and values, and what is added to each; see attention.cpp."""

    _fields_ = [("numbers", c_void_p * 3), ("biases", c_void_p * 3), ("strides", Strides)]


class Shape(Structure):
    """What attention is to do; see attention.cpp."""

    _fields_ = [
        ("rows", c_int64),
        ("heads", c_int64),
        ("depth", c_int64),
        ("starts", c_void_p),
        ("scaling", c_float),
        ("seen", c_void_p),
        ("seen_row", c_int64),
        ("seen_query", c_int64),
        ("seen_key", c_int64),
        ("zeroed", c_int32),
        ("key", c_uint64),
    ]


class Lines(Structure):
    """What a normalised sum is made of; see residual.cpp."""

    _fields_ = [
        ("count", c_int64),
        ("width", c_int64),
        ("epsilon", c_float),
        ("zeroed", c_int32),
        ("key", c_uint64),
    ]


class Looked(Structure):
    """Which rows of a table are looked up, and what becomes of them; see embeddings.cpp."""

    _fields_ = [
        ("rows", c_int64),
        ("width", c_int64),
        ("starts", c_void_p),
        ("first", c_int64),
        ("ids", c_void_p),
        ("table", c_void_p),
        ("epsilon", c_float),
        ("zeroed", c_int32),
        ("key", c_uint64),
    ]


class Rows(Structure):
    """Rows of a table and of its moments; see adamw.cpp."""

    _fields_ = [
        ("weight", c_void_p),
        ("first", c_void_p),
        ("second", c_void_p),
        ("numbers", c_void_p),
        ("count", c_int64),
        ("width", c_int64),
    ]


_ARGUMENTS: dict[str, list[type]] = {
    "gelu": [*[c_void_p] * 4, c_int64, c_int64],
    "gelu_gradient": [*[c_void_p] * 3, c_int64, c_int64],
    "residual": [POINTER(Lines), *[c_void_p] * 9],
    "residual_gradient": [POINTER(Lines), *[c_void_p] * 11],
    "attention": [POINTER(Shape), c_void_p, POINTER(Strides), *[c_void_p] * 2, POINTER(Parts)],
    "attention_gradient": [
        POINTER(Shape),
        *[c_void_p] * 3,
        POINTER(Strides),
        *[c_void_p] * 2,
        POINTER(Strides),
        *[c_void_p] * 2,
        POINTER(Parts),
    ],
    "embeddings": [POINTER(Looked), *[c_void_p] * 8],
    "embeddings_gradient": [POINTER(Looked), *[c_void_p] * 10],
}


class Kernels:
    """The functions of a compiled library, by name and type of number.

    Args:
        path: of the library.

    Raises:
        OSError: it cannot be loaded.
    """

    def __init__(self, path: Path) -> None:
        self._library = ctypes.CDLL(str(path))
        self._library.squares.restype = c_double
        self._functions = {
            (name, dtype): self._function(f"{name}_{ending}", arguments)
            for name, arguments in _ARGUMENTS.items()
            for dtype, ending in _TYPES.items()
        }

    def __deepcopy__(self, memo: object) -> Kernels:
        """Return the very same: a library is loaded once in a process."""
        return self

    def __getitem__(self, key: tuple[str, torch.dtype]) -> Callable[..., None]:
        """Return the function of that name for tensors of that type."""
        return self._functions[key]

    def drawn(self, key: int, lines: int, width: int) -> np.ndarray:
        """Return (lines, width) uint16 numbers: what dropout draws by this key."""
        numbers = np.empty((lines, width), np.uint16)
        self._library.draws(c_void_p(numbers.ctypes.data), c_uint64(key), c_int64(lines), c_int64(width))
        return numbers

    def squares(self, parameters: np.ndarray) -> float:
        """Return the sum of the squares of the gradients in a table of adamw.cpp's parameters."""
        total: float = self._library.squares(c_void_p(parameters.ctypes.data), c_int64(len(parameters)))
        return total

    def adamw(self, parameters: np.ndarray, factor: float) -> None:
        """Step all parameters of such a table, by ``factor`` times their gradients."""
        self._library.adamw(c_void_p(parameters.ctypes.data), c_int64(len(parameters)), c_float(factor))

    def adamw_rows(self, rows: Rows, gradient: torch.Tensor, factor: float, step: tuple[float, ...]) -> None:
        """Step rows of a table, from their gradient; ``step`` as a parameter of adamw.cpp has it."""
        numbers = map(c_float, (factor, *step))
        self._library.adamw_rows(byref(rows), c_void_p(gradient.data_ptr()), *numbers)

    def coast_rows(self, rows: Rows, skipped: np.ndarray) -> None:
        """Make up for what rows have skipped, by (count, 5) float32 numbers."""
        self._library.coast_rows(byref(rows), c_void_p(skipped.ctypes.data))

    def _function(self, name: str, arguments: list[type]) -> Callable[..., None]:
        function: Callable[..., None] = getattr(self._library, name)
        function.argtypes, function.restype = arguments, None  # type: ignore[attr-defined]
        return function


@cache
def load_kernels() -> Kernels:
    """Compile and load the operations, once in a process.

    Raises:
        CompilingError: they cannot be compiled or loaded here.
    """
    # The wheel's own, whose threads are PyTorch's; two would get into each other's way.
    openmp = sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*"))
    if not openmp:
        raise CompilingError("this PyTorch does not use GCC's OpenMP")
    try:
        ctypes.CDLL(str(openmp[0]), mode=ctypes.RTLD_GLOBAL)
        return Kernels(compiled(SOURCES, openmp=True))
    except OSError as error:
        raise CompilingError(str(error)) from error


def address(tensor: torch.Tensor | None) -> int | None:
    """Where a tensor's numbers begin; nowhere, for None."""
    return None if tensor is None else tensor.data_ptr()


def addresses(tensor: torch.Tensor) -> list[int]:
    """Where each of a tensor's lines begins. No tensor is made of any, which would take longer."""
    start, apart = tensor.data_ptr(), tensor.stride(0) * tensor.element_size()
    return [start + number * apart for number in range(len(tensor))]


def supported(*tensors: torch.Tensor) -> bool:
    """Whether there are kernels for tensors of this type, which is the same for all, on this device."""
    first = tensors[0]
    return first.dtype in _TYPES and all(
        tensor.device.type == "cpu" and tensor.dtype == first.dtype for tensor in tensors
    )
