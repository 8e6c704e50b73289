"""An HTTP server on 127.0.0.1 with answers written by the test, for use with the real clients."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Answer:
    """One answer.

    Attributes:
        body: the whole content; a request for a range gets its part if ``ranges`` is true.
        cut_after: close the connection after so many bytes of the body, though more were promised.
    """

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    cut_after: int | None = None


@dataclass(frozen=True)
class Asked:
    """One request that the server has seen."""

    method: str
    path: str
    headers: dict[str, str]


class Loopback:
    """The server's script: answers by path, given in turn, the last one for ever."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self._answers: dict[tuple[str, str], list[Answer]] = {}
        self._lock = threading.Lock()

    def on(self, path: str, *answers: Answer, method: str = "") -> str:
        """Give these answers at ``path``; return its address.

        Without a method they are for all, and then a HEAD request takes none of them away.
        """
        self._answers[path, method] = list(answers)
        return self.url + path

    def asked_for(self, path: str, method: str = "GET") -> list[Asked]:
        """Return the requests of one method that came for ``path``."""
        return [asked for asked in self.asked if (asked.path, asked.method) == (path, method)]

    def answer(self, asked: Asked) -> Answer:
        """Note a request and return what to answer; 404 where nothing was written."""
        with self._lock:
            self.asked.append(asked)
            own = self._answers.get((asked.path, asked.method), [])
            answers = own or self._answers.get((asked.path, ""), [Answer(b"not found", 404)])
            takes = len(answers) > 1 and (bool(own) or asked.method != "HEAD")
            return answers.pop(0) if takes else answers[0]


@contextmanager
def loopback() -> Iterator[Loopback]:
    """Run a server for the time of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.script = Loopback(f"http://127.0.0.1:{server.server_port}")  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.script  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        asked = Asked(self.command, urlsplit(self.path).path, dict(self.headers.items()))
        answer = self.server.script.answer(asked)  # type: ignore[attr-defined]
        start = self._start_of_range(answer)
        if start > len(answer.body):
            self.send_response(416)
            self.end_headers()
            return
        self._send_head(answer, start)
        if self.command != "HEAD":
            self.wfile.write(answer.body[start : answer.cut_after])

    def _start_of_range(self, answer: Answer) -> int:
        wanted = self.headers.get("Range")
        if wanted is None or not answer.ranges or answer.status != 200:
            return 0
        return int(wanted.removeprefix("bytes=").partition("-")[0])

    def _send_head(self, answer: Answer, start: int) -> None:
        self.send_response(206 if start else answer.status)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(answer.body) - 1}/{len(answer.body)}")
        if answer.ranges:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(answer.body) - start))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()

    do_GET = do_POST = do_HEAD = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
