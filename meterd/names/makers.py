"""Who made a meter, and what it calls itself.

The problem: a maker is three letters (assigned by the DLMS User Association, "FLAG"), which stand in an IEC 62056-21
identification, in a DLMS system title and logical device name, and packed into the header of an M-Bus telegram. Model
and version follow in ways of their own.
Assumption: only makers known from public documents are named here; the letters of others are shown as they are.
Dirt it must survive: any bytes in a title, a device name or an identification; letters in either case.
"""

from __future__ import annotations

MAKERS = {
    "ABB": "ABB", "ACE": "Actaris", "ACT": "Actaris", "ADN": "Aidon", "AMT": "Aquametro", "APA": "Apator",
    "APT": "Apator", "AUX": "AUX", "AXI": "Axioma", "BMT": "BMeters", "DME": "Diehl Metering", "DZG": "DZG",
    "EBZ": "eBZ", "EFE": "Engelmann", "EGM": "Elgama", "ELS": "Elster", "ELV": "Elvaco", "EMH": "EMH",
    "EMO": "Enermet", "EMU": "EMU", "ESY": "EasyMeter", "GAV": "Carlo Gavazzi", "GEC": "GEC", "GWF": "GWF",
    "HAG": "Hager", "HXE": "Hexing", "HYD": "Diehl Metering (Hydrometer)", "INV": "Invensys", "ISK": "Iskraemeco",
    "ITR": "Itron", "ITU": "Itron", "JAN": "Janz", "KAM": "Kamstrup", "KFM": "Kaifa", "LAS": "Lansen",
    "LGB": "Landis+Gyr", "LGZ": "Landis+Gyr", "LOG": "Logarex", "LSE": "Landis & Staefa", "LUG": "Landis+Gyr",
    "MAD": "Maddalena", "MAK": "Makel", "NES": "NES", "NIK": "NIK", "NZR": "NZR", "PAF": "Pafal", "QDS": "Qundis",
    "RAM": "Rossweiner", "REL": "Relay", "SAG": "Sagemcom", "SAP": "Diehl Metering (Sappel)", "SBC": "Saia-Burgess",
    "SEC": "Schneider Electric", "SEN": "Sensus", "SIE": "Siemens", "SLB": "Schlumberger", "SON": "Sontex",
    "SPX": "Sensus", "SVM": "Elster (SVM)", "TCH": "Techem", "TIP": "Tip", "WEP": "Weptech", "XMX": "Xemex",
    "ZPA": "ZPA", "ZRI": "Zenner", "ZRM": "Zenner (Minol)",
}  # fmt: skip
LETTERS = 3
TITLE_SIZE = 8
MODEL_LIMIT = 32


class Plate:
    """What a meter calls itself: `letters` of its maker, `maker` in words (the letters where it is not known), `model`,
    `version` and `serial`, each empty where unsaid.
    """

    __slots__ = ("letters", "maker", "model", "serial", "version")

    def __init__(self, letters: str, model: str = "", version: str = "", serial: str = "") -> None:
        self.letters = letters
        self.maker = maker_of(letters)
        self.model = model
        self.version = version
        self.serial = serial

    def words(self) -> str:
        """Maker, model and serial number in one line."""
        return " ".join(word for word in (self.maker, self.model, self.serial) if word)


def maker_of(letters: str) -> str:
    """The maker behind three letters; the letters themselves where it is not known, nothing where they are none."""
    capitals = letters.upper()
    if len(capitals) != LETTERS or not capitals.isascii() or not capitals.isalpha():
        return ""
    return MAKERS.get(capitals, capitals)


def from_identification(line: str) -> Plate:
    """The plate in an IEC 62056-21 identification, `/XXXZmodel` (clause 6.3.2); without its escapes."""
    text = line.strip()
    if not text.startswith("/") or not maker_of(text[1:4]):
        return Plate("")
    model = text[5:]
    while len(model) > 1 and model[0] == "\\":
        model = model[2:]
    return Plate(text[1:4].upper(), "".join(filter(str.isprintable, model)).strip()[:MODEL_LIMIT])


def from_system_title(title: bytes) -> Plate:
    """The plate in a DLMS system title: three letters, then five bytes, mostly the serial number."""
    if len(title) != TITLE_SIZE:
        return Plate("")
    letters = title[:LETTERS].decode("latin-1")
    if not maker_of(letters):
        return Plate("")
    return Plate(letters.upper(), serial=str(int.from_bytes(title[LETTERS:], "big")))


def from_logical_device_name(name: str) -> Plate:
    """The plate in a DLMS logical device name: up to 16 characters, of which the first three are the maker's."""
    text = name.strip(" \0")
    if not maker_of(text[:LETTERS]):
        return Plate("")
    return Plate(text[:LETTERS].upper(), serial="".join(filter(str.isprintable, text[LETTERS:])).strip()[:MODEL_LIMIT])


def from_mbus(letters: str, version: int | None, medium: str, identification: str) -> Plate:
    """The plate in the long header of an M-Bus telegram (EN 13757-3 clause 5.6): its medium stands for a model."""
    model = f"{medium} meter" if medium and medium not in ("other", "unknown") else ""
    return Plate(letters if maker_of(letters) else "", model, "" if version is None else str(version), identification)
