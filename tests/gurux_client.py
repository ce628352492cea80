"""gurux_dlms as a foreign client, in a process of its own: it is under the GPL and never runs inside a test."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

# One JSON object a line in, one after '@' out.
GURUX = """
import json, sys
from gurux_dlms import GXBitString, GXByteBuffer, GXReplyData
from gurux_dlms.GXDLMSSettings import GXDLMSSettings
from gurux_dlms.ecdsa import GXPrivateKey, GXPublicKey
from gurux_dlms.enums import Authentication, Conformance, InterfaceType, Security
from gurux_dlms.internal._GXCommon import _GXCommon
from gurux_dlms.internal._GXDataInfo import _GXDataInfo
from gurux_dlms.objects import GXDLMSRegister
from gurux_dlms.objects.enums import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureClient

def parsed(octets):
    reply = GXReplyData()
    client.getData(GXByteBuffer(bytes.fromhex(octets)), reply, None)
    return reply

def start(o):
    global client
    client = GXDLMSSecureClient(True, 16, 1, getattr(Authentication, o["auth"]), "12345678", InterfaceType.PDU)
    ciphering = client.ciphering
    ciphering.systemTitle = bytes.fromhex(o["title"])
    ciphering.blockCipherKey = bytes.fromhex(o["ek"])
    ciphering.authenticationKey = bytes.fromhex(o["ak"])
    ciphering.invocationCounter = 100
    ciphering.security = getattr(Security, o["security"])
    if "private" in o:
        ciphering.securitySuite = SecuritySuite.SUITE_1
        public = GXPublicKey.fromRawBytes(bytes.fromhex(o["public"]))
        ciphering.signingKeyPair = (public, GXPrivateKey.fromRawBytes(bytes.fromhex(o["private"])))
    return bytes(client.aarqRequest()[0]).hex()

def aare(o):
    client.parseAareResponse(parsed(o["aare"]).data)
    if client.isAuthenticationRequired:
        return bytes(client.getApplicationAssociationRequest()[0]).hex()

def proof(o):
    client.parseApplicationAssociationResponse(parsed(o["proof"]).data)
    return "proven"

def ask(o):
    return bytes(client.read(GXDLMSRegister("1.0.1.8.0.255"), 2)[0]).hex()

def answer(o):
    return parsed(o["answer"]).value

def seen(value):
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, (list, tuple)):
        return [seen(element) for element in value]
    if isinstance(value, GXBitString):
        return str(value)
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return seen(value.value) if hasattr(value, "value") else value

def data(o):
    return seen(_GXCommon.getData(GXDLMSSettings(False, None), GXByteBuffer(bytes.fromhex(o["data"])), _GXDataInfo()))

for line in sys.stdin:
    order = json.loads(line)
    try:
        result = globals()[order["do"]](order)
    except Exception as error:
        result = "error: " + repr(error)
    print("@" + json.dumps(result), flush=True)
"""


class Gurux:
    """The foreign client, asked line by line."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", GURUX], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def ask(self, do: str, **order: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()
        # It prints diagnostics of its own among the answers.
        for line in self.process.stdout:
            if line.startswith("@"):
                return json.loads(line[1:])
        raise AssertionError("the foreign client died")

    def close(self) -> None:
        self.process.communicate()
