"""luci-app-meterd as a package, and its catalogues: `python -m tools.gateway.package.luci` brings these up to date.

LuCI keeps a language in an .lmo file: the texts one after the other, each padded to four bytes, then an index of
(hash of the original, plural forms, offset, length), big-endian, in the order of the hashes, then where the index
begins. The hash is Paul Hsieh's SuperFastHash of the original, blanks at its ends taken away, those within made one.
OpenWrt's build makes a package for each language (luci-i18n-meterd-de); here all are in the application's own.
"""

from __future__ import annotations

import json
import re
import struct
import sys
from pathlib import Path

from ..build.compiled import PROJECT
from .ipk import Package

APP = PROJECT / "openwrt" / "luci-app-meterd"
LANGUAGES = ("de", "en", "lt")
DESCRIPTION = "meterd in LuCI: Services, Meters"
I18N = "/usr/lib/lua/luci/i18n"
CALL = re.compile(r"\b_\('((?:[^'\\]|\\.)*)'\)")
ENTRY = re.compile(r'^msgid "(.*)"\nmsgstr "(.*)"$', re.MULTILINE)
HEADER = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'


def package(version: str) -> Package:
    """The application with its languages, for every machine."""
    made = Package("luci-app-meterd", version, "all", DESCRIPTION)
    made.depends = ("luci-base", f"meterd-ubus (= {version})")
    made.fields = {"Section": "luci"}
    made.scripts = {"postinst": (PROJECT / "openwrt" / "files" / "rpcd.postinst").read_text()}
    for folder, place in (("htdocs", "/www"), ("root", "")):
        for path in sorted((APP / folder).rglob("*")):
            if path.is_file():
                made.add(f"{place}/{path.relative_to(APP / folder).as_posix()}", path.read_bytes())
    for language in LANGUAGES:
        made.add(f"{I18N}/meterd.{language}.lmo", lmo(catalogue(language)))
    return made


# ---- catalogues


def messages() -> list[str]:
    """All texts that LuCI shows of the application, those of the parameter tables last."""
    found: dict[str, None] = {}
    for path in sorted((APP / "htdocs").rglob("*.js")):
        if path.name != "tables.js":
            for text in CALL.findall(path.read_text("utf-8")):
                found[text.replace("\\'", "'")] = None
    menu = json.loads((APP / "root/usr/share/luci/menu.d/luci-app-meterd.json").read_text())
    access = json.loads((APP / "root/usr/share/rpcd/acl.d/luci-app-meterd.json").read_text())
    found.update((entry["title"], None) for entry in menu.values())
    found.update((entry["description"], None) for entry in access.values())
    return [*found, *(text for text in helps() if text not in found)]


def helps() -> list[str]:
    """What tables.js says of each parameter."""
    text = (APP / "htdocs/luci-static/resources/meterd/tables.js").read_text()
    tables = json.loads(text[text.index("{") : text.rindex(")")])
    rows = [row for part in ("device", "signal") for field in tables[part] for row in field["variants"]]
    return sorted({row["help"] for row in rows})


def catalogue(language: str) -> dict[str, str]:
    """Original → translation, of those that have one."""
    text = (APP / "po" / language / "meterd.po").read_text("utf-8")
    return {_plain(original): _plain(told) for original, told in ENTRY.findall(text) if original and told}


def _plain(text: str) -> str:
    return text.replace('\\"', '"').replace("\\\\", "\\")


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def written(known: dict[str, str]) -> str:
    """A catalogue of all messages, with what is known of them."""
    entries = [f'msgid "{_quoted(text)}"\nmsgstr "{_quoted(known.get(text, ""))}"\n' for text in messages()]
    return "\n".join([HEADER, *entries])


# ---- LuCI's form of them


def lmo(texts: dict[str, str]) -> bytes:
    """The .lmo file of these texts; what is told in the same words is left out, as LuCI does."""
    data = b""
    index = []
    for original, told in texts.items():
        if original != told:
            encoded = told.encode()
            index.append((sfh(" ".join(original.split()).encode()), 1, len(data), len(encoded)))
            data += encoded + bytes(-len(encoded) % 4)
    return data + b"".join(struct.pack(">IIII", *row) for row in sorted(index)) + struct.pack(">I", len(data))


def sfh(data: bytes) -> int:
    """SuperFastHash, begun with the length."""
    most = 0xFFFFFFFF
    value = len(data)
    whole = len(data) // 4 * 4
    for at in range(0, whole, 4):
        low, high = struct.unpack_from("<HH", data, at)
        value = value + low & most
        value = (value << 16 ^ (high << 11 ^ value)) & most
        value = value + (value >> 11) & most
    value = _rest(value, data[whole:], most)
    for shift, by in ((3, 5), (4, 17), (25, 6)):
        value = (value ^ value << shift) & most
        value = value + (value >> by) & most
    return value


def _rest(value: int, rest: bytes, most: int) -> int:
    """The last one to three bytes; a single one counts with its sign."""
    if len(rest) >= 2:
        value = value + int.from_bytes(rest[:2], "little") & most
        value ^= value << (16 if len(rest) == 3 else 11) & most
        if len(rest) == 3:
            value = (value ^ struct.unpack("b", rest[2:])[0] << 18) & most
        return value + (value >> (11 if len(rest) == 3 else 17)) & most
    if rest:
        value = value + struct.unpack("b", rest)[0] & most
        value ^= value << 10 & most
        value = value + (value >> 1) & most
    return value


def main() -> int:
    (APP / "po" / "templates" / "meterd.pot").write_text(written({}), encoding="utf-8")
    for language in LANGUAGES:
        known = {text: text for text in messages()} if language == "en" else catalogue(language)
        path: Path = APP / "po" / language / "meterd.po"
        path.write_text(written(known), encoding="utf-8")
        missing = [text for text in messages() if text not in known]
        print(f"{language}: {len(missing)} messages have no translation", *missing, sep="\n  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
