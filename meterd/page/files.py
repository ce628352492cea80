"""The page's own files, from the folder `static`; on a gateway they lie there compressed, which every browser takes.

uPlot, which draws charts that can be zoomed, may be absent: the page then draws its own.
"""

from __future__ import annotations

from ..paths import exists, join, parent, read_up_to
from ..ports.http_server import PLAIN, Answer

FOLDER = join(parent(__file__), "static")
MAX_FILE = 1 << 20
SCRIPT, STYLE = "text/javascript; charset=utf-8", "text/css; charset=utf-8"
# Path → file and media type. Nothing else is ever opened.
FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", STYLE),
    "/page.js": ("page.js", SCRIPT),
    "/views.js": ("views.js", SCRIPT),
    "/chart.js": ("chart.js", SCRIPT),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
    "/uPlot.js": ("uPlot.js", SCRIPT),
    "/uPlot.css": ("uPlot.css", STYLE),
}
CHART = "/uPlot.js"


def is_there(path: str) -> bool:
    name = join(FOLDER, FILES[path][0])
    return exists(name) or exists(name + ".gz")


def answer(path: str, encodings: str) -> Answer:
    """A file of FILES; `encodings` is what the browser accepts."""
    name, kind = FILES[path]
    place = join(FOLDER, name)
    if exists(place):
        return Answer(200, kind, read_up_to(place, MAX_FILE))
    if not exists(place + ".gz"):
        return Answer(404, PLAIN, b"this file is not installed\n")
    if "gzip" not in encodings:
        return Answer(406, PLAIN, b"this file is here compressed only: accept gzip\n")
    headers = (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding"))
    return Answer(200, kind, read_up_to(place + ".gz", MAX_FILE), headers)
