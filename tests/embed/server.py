"""A server of embeddings in a thread: it does as it is told, and keeps what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

DIMS = 8


def vector_of(text: str, dims: int = DIMS) -> list[float]:
    """What stands for a text: its length, and its letters."""
    return [float(len(text)), *(float(text.count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"[: dims - 1])]


class Server:
    """`replies` are given first, one a request: (status, headers, body), or None to hang up; then it embeds."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.replies: list[tuple[int, dict[str, str], object] | None] = []
        self.change: Callable[[Any], Any] = lambda answer: answer  # what it would answer -> what it does
        self.digest = "sha256:one"
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self, None)

            def do_POST(self) -> None:
                outer._answer(self, json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, handler: BaseHTTPRequestHandler, body: Any) -> None:
        with self._lock:
            self.asked.append({"path": handler.path, **(body or {})})
            self.headers.append({name.lower(): value for name, value in handler.headers.items()})
            reply = self.replies.pop(0) if self.replies else (200, {}, self.change(self._made(handler.path, body)))
        if reply is None:
            handler.close_connection = True
            return
        status, headers, said = reply
        raw = said if isinstance(said, bytes) else json.dumps(said).encode()
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(raw)), **headers}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(raw)

    def _made(self, path: str, body: Any) -> Any:
        if path == "/api/tags":
            return {"models": [{"name": "toy:latest", "digest": self.digest}]}
        vectors = [vector_of(text, body.get("dimensions", DIMS)) for text in body["input"]]
        if path == "/api/embed":
            return {"model": body["model"], "embeddings": vectors}
        rows = [{"object": "embedding", "index": number, "embedding": row} for number, row in enumerate(vectors)]
        return {"object": "list", "data": rows[::-1]}  # the order is not promised
