"""A site on this machine's loopback address, for the reader who sits at it."""

import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, unquote, urlsplit

from dataset_builders.errors import InputError
from dataset_builders.inspection.site import HTML, Page, Site

ADDRESS = "127.0.0.1"
POLICY = "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'"
"""No script, from anywhere: whatever a text of the dataset contains, nothing of it runs."""


class LocalServer(ThreadingHTTPServer):
    """Serves the pages of a site, each made when it is asked for."""

    daemon_threads = True

    def __init__(self, site: Site, port: int = 0):
        """Listen.

        Args:
            site: What to serve.
            port: 0 for any free one.

        Raises:
            InputError: if the port is taken or not allowed.
        """
        self.site = site
        try:
            super().__init__((ADDRESS, port), _Handler)
        except (OSError, OverflowError) as error:
            problem = f"{port} cannot be used ({getattr(error, 'strerror', None) or 'no port'})"
            raise InputError(ADDRESS, "--port", problem, "name another, or none for any that is free") from None

    @property
    def url(self) -> str:
        """Where the first page is."""
        return f"http://{ADDRESS}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: LocalServer
    server_version, sys_version = "SpaceVista", ""
    timeout = 30

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        status, page = self._page()
        try:
            self.send_response(status)
            self.send_header("Content-Type", page.kind)
            self.send_header("Content-Length", str(len(page.content)))
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            if with_body:
                self.wfile.write(page.content)
        except ConnectionError:
            self.close_connection = True  # the reader went on to another page

    def _page(self) -> tuple[HTTPStatus, Page]:
        # Another name for this address is that of a foreign page which wants to read the dataset (DNS rebinding).
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        if host not in (ADDRESS, "localhost"):
            return HTTPStatus.FORBIDDEN, _message("Only for this machine.")
        try:
            address = urlsplit(self.path)
            query = dict(parse_qsl(address.query, max_num_fields=16))
            page = self.server.site.page(unquote(address.path).removeprefix("/"), query)
        except InputError as error:
            sys.stderr.write(f"warning: {error}\n")
            return HTTPStatus.INTERNAL_SERVER_ERROR, _message(str(error))
        except ValueError:
            return HTTPStatus.BAD_REQUEST, _message("This is not an address.")
        return (HTTPStatus.OK, page) if page else (HTTPStatus.NOT_FOUND, _message("There is no such page."))

    def log_message(self, format: str, *args) -> None:
        """Keep the terminal quiet; what goes wrong is written where it happens."""


def _message(text: str) -> Page:
    return Page(text.encode(errors="replace"), HTML.replace("html", "plain"))
