"""Two S3 servers in one process, which end with their standard input: moto, and moto that ignores If-None-Match."""

from __future__ import annotations

import sys
import threading
from typing import Any

from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    def log(self, *arguments: Any) -> None:
        pass


def ignoring(app: Any) -> Any:
    def run(environ: dict[str, Any], start_response: Any) -> Any:
        environ.pop("HTTP_IF_NONE_MATCH", None)
        return app(environ, start_response)

    return run


def main() -> None:
    app = DomainDispatcherApplication(create_backend_app)
    servers = [make_server("127.0.0.1", 0, one, threaded=True, request_handler=Quiet) for one in (app, ignoring(app))]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    print(*(server.port for server in servers), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
