"""`meterd explain` beside two decoders of others: gurux's translator and pydlms's `decode`, each in its own process.

What a conversation with a simulated meter says is told by all three: objects, attributes, types, values, results, what
was negotiated. Theirs comes as XML (pydlms speaks gurux's dialect), ours from the rows and the very bytes of each.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree

import pytest

from meterd.explain import frames
from meterd.explain.known import Known
from meterd.explain.page import Page, Row
from tests import foreign
from tests.pair import Outcome
from tests.unit import dlms_pair

Fact = tuple[str, Any]

GURUX = """
import json, sys
from gurux_dlms import GXByteBuffer, GXDLMSTranslator
asked = json.load(sys.stdin)
translator = GXDLMSTranslator()
translator.comments = False
json.dump([translator.messageToXml(GXByteBuffer(bytes.fromhex(each))) for each in asked["frames"]], sys.stdout)
"""
DECODE = """
import io, json, sys
from contextlib import redirect_stdout
from pydlms.cli import main
asked = json.load(sys.stdin)
said = io.StringIO()
with redirect_stdout(said):
    code = main(["decode", *asked["options"], *asked["frames"]])
if code:
    sys.exit(code)
json.dump(said.getvalue(), sys.stdout)
"""
KEY, AUTHENTICATION_KEY = dlms_pair.KEYS["encryption_key"], dlms_pair.KEYS["authentication_key"]
AS_XML = ["--xml", "--dialect", "gurux", "--show-secrets"]
INTEGERS = {
    "Int8": "integer", "Int16": "long", "Int32": "double-long", "Int64": "long64", "UInt8": "unsigned",
    "UInt16": "long-unsigned", "UInt32": "double-long-unsigned", "UInt64": "long64-unsigned", "Enum": "enum",
}  # fmt: skip
WIDTHS = {"Int8": 8, "Int16": 16, "Int32": 32, "Int64": 64}
STRINGS = ("octet-string", "visible-string", "utf8-string")


# ---- what they say


def hexadecimal(text: str) -> int:
    return int(text, 16)


def signed(width: int) -> Callable[[str], int]:
    return lambda text: (int(text, 16) ^ 1 << width - 1) - (1 << width - 1)


def letters(text: str) -> str:
    return re.sub(r"[^a-z]", "", text.lower())


def sorted_letters(text: str) -> str:
    """object-undefined is UndefinedObject with them."""
    return "".join(sorted(letters(text)))


# Their element → what it is with us, and how its attribute is read.
READ: dict[str, tuple[str, Callable[[str], Any]]] = {
    "ClassId": ("class", hexadecimal),
    "AttributeId": ("attribute", hexadecimal),
    "MethodId": ("method", hexadecimal),
    "InstanceId": ("object", lambda text: ".".join(map(str, bytes.fromhex(text)))),
    "Array": ("array", hexadecimal),
    "Structure": ("structure", hexadecimal),
    "OctetString": ("octet-string", str.lower),
    "String": ("visible-string", lambda text: text.encode().hex()),
    "ConformanceBit": ("service", letters),
    "ProposedMaxPduSize": ("size", hexadecimal),
    "NegotiatedMaxPduSize": ("size", hexadecimal),
    "AssociationResult": ("result", hexadecimal),
    "DataAccessError": ("error", sorted_letters),
    **{name: (kind, signed(WIDTHS[name]) if name in WIDTHS else hexadecimal) for name, kind in INTEGERS.items()},
}


def told(text: str) -> Iterator[Fact]:
    """The facts of their XML, in the order of the wire."""
    for element in ElementTree.fromstring(text).iter():
        value = next((element.get(name) for name in ("Value", "Qty", "Name") if element.get(name) is not None), None)
        kind, read = READ.get(element.tag, ("", str))
        if kind and value is not None:
            yield kind, read(value)


# ---- what we say


NUMBERED = re.compile(
    rf"(class|attribute|method|{'|'.join(sorted(INTEGERS.values(), key=len, reverse=True))}) (-?\d+)\b"
)
SIZE = re.compile(r"takes APDUs of at most (\d+)")
RESULT = re.compile(r"(\d+): (accepted|rejected)")
OBJECT = re.compile(r"\d+(\.\d+){5}\b")
COUNT = re.compile(r"of (\d+) (elements|bytes)")


def rows_of(data: bytes, known: Known) -> list[Row]:
    rows: list[Row] = []
    frames.explain(Page(rows.append), data, known)
    assert [row.text() for row in rows if row.wrong or row.unexplained] == []
    return rows


def in_one_row(before: str, words: str) -> Iterator[Fact]:
    if found := NUMBERED.match(words):
        yield found[1], int(found[2])
    elif found := SIZE.match(words):
        yield "size", int(found[1])
    elif found := RESULT.match(words):
        yield "result", int(found[1])
    elif before.startswith("class ") and (found := OBJECT.match(words)):
        yield "object", found[0]
    elif before == "no data":
        yield "error", sorted_letters(words.partition(": ")[2] or words)
    elif words.startswith("services: "):
        yield from (("service", letters(service)) for service in words.removeprefix("services: ").split(", "))


def explained(rows: list[Row]) -> Iterator[Fact]:
    """The facts of our rows: those of one row, and those whose type, count and contents have one each."""
    kind = before = ""
    for row in rows:
        count = COUNT.match(row.words)
        if kind in ("array", "structure") and count:
            yield kind, int(count[1])
            kind = ""
        elif kind in STRINGS and not (before == kind and count and count[1] != "0"):
            yield kind, "" if before == kind else row.octets.hex()
            kind = ""
        elif row.words in ("array", "structure", *STRINGS):
            kind = row.words
        elif not kind:
            yield from in_one_row(before, row.words)
        before = row.words


def conversation(given: dict[str, Any], meter: dict[str, str], *jobs: str) -> Outcome:
    outcome = dlms_pair.scan(dlms_pair.device(**given), [dlms_pair.signal(job) for job in jobs], meter)
    assert outcome.error is None
    return outcome


def facts(outcome: Outcome, known: Known) -> list[Fact]:
    return [fact for _, _, data in outcome.wire for fact in explained(rows_of(data, known))]


def gurux(asked: dict[str, Any]) -> list[str]:
    done = subprocess.run([sys.executable, "-c", GURUX], input=json.dumps(asked), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return [each for each in json.loads(done.stdout) if each.strip()]


JOBS = ("1.0.1.8.0.255", "0.0.1.0.0.255", "1.0.32.7.0.255", "0.0.96.1.0.255", "1.0.14.7.0.255", "1.0.99.99.99.255")
PLAIN: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    ("hdlc", {}, {}),
    ("wrapper", {"mode": "DLMS-WRAPPER", "ip": "192.0.2.7", "port": 4059}, {"mode": "wrapper"}),
    ("low", {"client_address": 32, "auth": "Low", "password": "Pa55word"}, {"auth": "Low", "password": "Pa55word"}),
    ("high", {"client_address": 32, "auth": "HighSha256", "password": "Pa55word"},
     {"auth": "HighSha256", "password": "Pa55word"}),
]  # fmt: skip


@pytest.mark.parametrize(("given", "meter"), [each[1:] for each in PLAIN], ids=[each[0] for each in PLAIN])
def test_gurux_and_pydlms_read_the_same_in_a_plain_conversation(given: dict[str, Any], meter: dict[str, str]) -> None:
    outcome = conversation(given, meter, *JOBS)
    ours = facts(outcome, Known())
    asked = {"frames": [data.hex() for _, _, data in outcome.wire], "options": AS_XML}
    kinds = {kind for kind, _ in ours}
    assert {"class", "object", "attribute", "structure", "service", "size", "result", "octet-string"} <= kinds
    assert ours == list(told(foreign.ask("pydlms", DECODE, asked)))
    assert ours == [fact for each in gurux(asked) for fact in told(each)]


# ---- with keys: what pydlms deciphers it tells in its own words, and each side by its own title

CIPHERED = re.compile(
    r"(?:attribute|method): (?P<class>\d+)/(?P<object>[\d.]+)/m?(?P<number>\d+)"
    r"|deciphered (?P<deciphered>\d+) octets, tag verified|invocation counter (?P<counter>\d+) \("
)
OURS = re.compile(
    r"class (?P<class>\d+)|(?:attribute|method) (?P<number>\d+)|deciphered, (?P<deciphered>\d+) bytes"
    r"|invocation counter (?P<counter>\d+)"
)
TITLES = {"client": dlms_pair.KEYS["system_title"], "meter": "53494D0000000001"}


def matched(pattern: re.Pattern[str], text: str) -> list[Fact]:
    return [(kind, value) for found in pattern.finditer(text) for kind, value in found.groupdict().items() if value]


@pytest.mark.parametrize("side", sorted(TITLES))
def test_pydlms_deciphers_the_same(side: str) -> None:
    meter = {"auth": "HighGmac", "security": "both", "encryption_key": KEY, "authentication_key": AUTHENTICATION_KEY}
    given = {"client_address": 32, "auth": "HighGmac", "security": "both", "lists": "no", **dlms_pair.KEYS}
    outcome = conversation(given, meter, *JOBS)
    known = Known(bytes.fromhex(KEY), bytes.fromhex(AUTHENTICATION_KEY))
    ours: list[Fact] = []
    for _, speaker, data in outcome.wire:
        for row in rows_of(data, known):
            found = matched(OURS, row.words) if speaker == side else []
            ours += found
            if speaker == side and not found and OBJECT.match(row.words) and ours and ours[-1][0] == "class":
                ours.append(("object", OBJECT.match(row.words)[0]))  # type: ignore[index]
    # The link's own frames have no APDU; pydlms would look for one in the answer to SNRM.
    information = [data.hex() for _, speaker, data in outcome.wire if speaker == side][1:-1]
    options = ["--key", KEY, "--auth-key", AUTHENTICATION_KEY, "--system-title", TITLES[side]]
    theirs = matched(CIPHERED, foreign.ask("pydlms", DECODE, {"frames": information, "options": options}))
    assert {"deciphered", "counter"} <= {kind for kind, _ in theirs}
    assert ours == theirs
