"""A hook of MkDocs: what the site needs beyond docs/, so that the pages stay as they read on their own.

README, SECURITY, CONTRIBUTING and CHANGELOG lie beside docs/, where people and package registries look for them; they
become pages here. A page that is named in code, `docs/state.md`, as it reads well in a terminal, becomes a link. A name
that leads to no page stays code: MkDocs checks the links that people wrote; this adds those that lead somewhere.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
BESIDE = {
    "README.md": "index.md",
    "SECURITY.md": "security.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}


def on_files(files: Files, config: Any) -> Files:
    """Adds the pages that lie beside docs/."""
    for source, page in BESIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text.replace("](docs/", "](")))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Makes links of pages named in code, and of links to what lies beside docs/."""
    for source, name in BESIDE.items():
        markdown = markdown.replace(f"](../{source})", f"]({name})")

    def linked(found: re.Match[str]) -> str:
        name = BESIDE.get(found[1], found[1].removeprefix("docs/"))
        if not files.get_file_from_path(name) or name == page.file.src_path:
            return found[0]
        return f"[{found[1]}]({name})"

    return re.sub(r"(?<![`\[])`((?:docs/)?[\w-]+\.md)`(?![\]`])", linked, markdown)
