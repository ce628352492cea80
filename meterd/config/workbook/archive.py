"""The .xlsx file as an archive (ECMA-376): is it one, is it of a sane size, and what no reader of cells tells.

Hostile or merely odd files: archives that unpack to gigabytes, XML with entities of its own, encrypted files, the
formats of other decades. Sizes are those that the archive declares: Python's reader unpacks no more than these.
"""

from __future__ import annotations

import re
from io import BytesIO
from xml.etree import ElementTree
from zipfile import BadZipFile, ZipFile

MAX_FILE = 16 << 20
MAX_UNPACKED = 64 << 20
MAX_PARTS = 1000
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_MERGED = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*?\bref="([A-Z]{1,3}[0-9]{1,7}(?::[A-Z]{1,3}[0-9]{1,7})?)"')
_ROW = re.compile(rb"<(?:\w+:)?row\s([^>]*)>")
_COLUMN = re.compile(rb"<(?:\w+:)?col\s([^>]*)>")
_HIDDEN = re.compile(rb'\bhidden="(?:1|true)"')


class Unreadable(ValueError):
    """The file cannot be used as a whole; the message says why and what to do."""


class Layout:
    """What stands about a sheet beside its cells: `merged` ranges, `hidden_rows`, `hidden_columns`, any `formulas`."""

    __slots__ = ("formulas", "hidden_columns", "hidden_rows", "merged")

    def __init__(self, part: bytes) -> None:
        self.merged = [found.decode() for found in _MERGED.findall(part)]
        self.hidden_rows = {_number(row, b"r") for row in _ROW.findall(part) if _HIDDEN.search(row)}
        columns = [
            (_number(each, b"min"), _number(each, b"max")) for each in _COLUMN.findall(part) if _HIDDEN.search(each)
        ]
        self.hidden_columns = {number for low, high in columns for number in range(low, min(high, 256) + 1)}
        self.formulas = re.search(rb"<(?:\w+:)?f[\s/>]", part) is not None


def _number(attributes: bytes, name: bytes) -> int:
    found = re.search(rb'\b%s="([0-9]{1,7})"' % name, attributes)
    return int(found[1]) if found else 0


def opened(data: bytes) -> ZipFile:
    """The archive, looked at before anything is unpacked. Raises: Unreadable."""
    if data.startswith(_OLE):
        if _ENCRYPTED in data:
            raise Unreadable("is protected by a password: save it without one (File, Info, Protect Workbook)")
        raise Unreadable("is a workbook of the old format .xls: save it as .xlsx")
    try:
        archive = ZipFile(BytesIO(data))
    except (BadZipFile, ValueError, OSError, NotImplementedError):
        raise Unreadable("is no .xlsx workbook: save it as .xlsx in the spreadsheet program") from None
    infos = archive.infolist()
    size = sum(info.file_size for info in infos)
    if len(infos) > MAX_PARTS or size > MAX_UNPACKED:
        raise Unreadable(
            f"unpacks to {size >> 20} MB in {len(infos)} parts, allowed: {MAX_UNPACKED >> 20} MB in {MAX_PARTS}; copy "
            "the rows into a new workbook, if it is a sound one"
        )
    names = set(archive.namelist())
    if "xl/workbook.bin" in names:
        raise Unreadable("is a workbook of the format .xlsb: save it as .xlsx")
    if "content.xml" in names:
        raise Unreadable("is an OpenDocument file: save it as .xlsx")
    for name in names:
        if name.endswith((".xml", ".rels")) and b"<!DOCTYPE" in archive.read(name)[:4096]:
            raise Unreadable(f"has a document type of its own in {name}, which no spreadsheet writes: it is not read")
    return archive


def layouts(archive: ZipFile) -> dict[str, Layout]:
    """The layout of each sheet by its title. Raises: Unreadable, or what the XML parser raises."""
    home = next((name for name in archive.namelist() if name.rpartition("/")[2] == "workbook.xml"), None)
    if home is None:
        raise Unreadable("is an archive, but no workbook: save it as .xlsx in the spreadsheet program")
    folder = home.rpartition("/")[0]
    relations = ElementTree.fromstring(archive.read(f"{folder}/_rels/workbook.xml.rels".lstrip("/")))
    targets = {each.get("Id"): each.get("Target", "") for each in relations}
    found = {}
    for sheet in ElementTree.fromstring(archive.read(home)).iter():
        if sheet.tag.rpartition("}")[2] == "sheet":
            target = targets.get(sheet.get(_RELATION), "")
            path = target.lstrip("/") if target.startswith("/") else f"{folder}/{target}".lstrip("/")
            found[sheet.get("name", "")] = Layout(archive.read(path))
    return found
