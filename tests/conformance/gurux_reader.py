"""gurux_dlms reads a meter over TCP: one session for each line of JSON on stdin. It is under the GPL and runs only in
this process of its own, started by the tests and benchmarks; nothing of meterd is imported here.
"""

import json
import socket
import sys
import time

from gurux_dlms import GXByteBuffer, GXReplyData
from gurux_dlms.ecdsa import GXPrivateKey, GXPublicKey
from gurux_dlms.enums import Authentication, InterfaceType, Security
from gurux_dlms.GXDLMS import GXDLMS
from gurux_dlms.objects import GXDLMSProfileGeneric, GXDLMSRegister
from gurux_dlms.objects.enums import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureClient


class Session:
    def __init__(self, order):
        self.line = socket.create_connection(("127.0.0.1", order["port"]), 10)
        self.line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        interface = InterfaceType.WRAPPER if order["mode"] == "wrapper" else InterfaceType.HDLC
        self.client = GXDLMSSecureClient(
            order["names"] == "LN",
            order["client"],
            1,
            getattr(Authentication, order["auth"]),
            order["password"],
            interface,
        )
        if "server" in order:
            self.client.serverAddress, self.client.serverAddressSize = order["server"], 4
        if "info" in order:
            self.client.hdlcSettings.maxInfoRX = self.client.hdlcSettings.maxInfoTX = order["info"]
        if "pdu" in order:
            self.client.maxReceivePDUSize = order["pdu"]
        if "title" in order:
            self.secure(order)

    def secure(self, order):
        ciphering = self.client.ciphering
        ciphering.systemTitle = bytes.fromhex(order["title"])
        ciphering.blockCipherKey = bytes.fromhex(order["encryption_key"])
        ciphering.authenticationKey = bytes.fromhex(order["authentication_key"])
        ciphering.invocationCounter = order.get("counter", 100)
        ciphering.security = getattr(Security, order["security"])
        if "private" in order:
            ciphering.securitySuite = SecuritySuite.SUITE_1
            public = GXPublicKey.fromRawBytes(bytes.fromhex(order["public"]))
            ciphering.signingKeyPair = (public, GXPrivateKey.fromRawBytes(bytes.fromhex(order["private"])))

    def exchange(self, messages):
        """Send what may be one message or several; the reply that they bring."""
        reply = GXReplyData()
        if isinstance(messages, (bytes, bytearray)):
            messages = [messages]
        for message in messages or []:
            reply.clear()
            self.one(message, reply)
            while reply.isMoreData():
                self.one(None if reply.isStreaming() else self.client.receiverReady(reply), reply)
        return reply

    def one(self, message, reply):
        if message is not None:
            self.line.sendall(bytes(message))
        buffer, notification = GXByteBuffer(), GXReplyData()
        reply.error = 0
        while True:
            data = self.line.recv(4096)
            if not data:
                raise ConnectionError("the meter has left")
            buffer.set(data)
            if self.client.getData(buffer, reply, notification):
                break
        if reply.error:
            raise ValueError(f"refused with code {reply.error}")

    def open(self):
        snrm = self.client.snrmRequest()
        if snrm:
            self.client.parseUAResponse(self.exchange(snrm).data)
        self.client.parseAareResponse(self.exchange(self.client.aarqRequest()).data)
        if self.client.isAuthenticationRequired:
            reply = self.exchange(self.client.getApplicationAssociationRequest())
            self.client.parseApplicationAssociationResponse(reply.data)

    def close(self):
        self.exchange(self.client.releaseRequest())
        self.exchange(self.client.disconnectRequest())
        self.line.close()


def registers(order):
    return [GXDLMSRegister(name, place) for name, place in order["registers"]]


def do_read(session, order):
    values = []
    for register in registers(order):
        session.client.updateValue(register, 3, session.exchange(session.client.read(register, 3)).value)
        session.client.updateValue(register, 2, session.exchange(session.client.read(register, 2)).value)
        values.append([register.value, register.scaler, int(register.unit)])
    return values


def do_list(session, order):
    wanted = [(register, 2) for register in registers(order)]
    values = []
    for message in session.client.readList(wanted):
        values += session.exchange(message).value
    return values


def do_objects(session, order):
    reply = session.exchange(session.client.getObjectsRequest())
    found = session.client.parseObjects(reply.data, True)
    return sorted([entry.logicalName, int(entry.objectType)] for entry in found)


def do_entries(session, order):
    profile = GXDLMSProfileGeneric("1.0.99.1.0.255")
    session.client.updateValue(profile, 3, session.exchange(session.client.read(profile, 3)).value)
    reply = session.exchange(session.client.readRowsByEntry(profile, order["first"], order["count"]))
    session.client.updateValue(profile, 2, reply.value)
    return [row[2] for row in profile.buffer]


def do_repeat(session, order):
    """CPU seconds for `count` reads of one register, one by one, or of `list` registers at a time."""
    chosen = registers(order)
    begin = time.process_time()
    for _ in range(order["count"]):
        if order.get("list"):
            for message in session.client.readList([(register, 2) for register in chosen]):
                session.exchange(message)
        else:
            session.exchange(session.client.read(chosen[0], 2))
    return time.process_time() - begin


def frames(order):
    """CPU seconds to take one frame apart, the middle of some rounds: to its value, or with `alone` no further."""
    client = GXDLMSSecureClient(True, 32, 1, Authentication.NONE, None, InterfaceType.HDLC)
    buffer = GXByteBuffer(bytes.fromhex(order["frame"]))
    count = order["count"] // 5

    def alone():
        GXDLMS.getHdlcData(False, client.settings, buffer, GXReplyData(), None)

    def whole():
        client.getData(buffer, GXReplyData(), None)

    take = alone if order.get("alone") else whole
    rounds = []
    for _ in range(5):
        begin = time.process_time()
        for _ in range(count):
            client.settings.senderFrame = 0x10
            client.settings.receiverFrame = 0x0E
            buffer.position = 0
            take()
        rounds.append((time.process_time() - begin) / count)
    return sorted(rounds)[2]


def serve(order):
    if order["do"] == "frames":
        return frames(order)
    if order["do"] == "memory":
        with open("/proc/self/status", encoding="ascii") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024
    session = Session(order)
    try:
        session.open()
        result = globals()["do_" + order["do"]](session, order)
        session.close()
        return result
    finally:
        session.line.close()


for line in sys.stdin:
    order = json.loads(line)
    try:
        answer = serve(order)
    except Exception as error:
        answer = "error: " + repr(error)
    print("@" + json.dumps(answer), flush=True)
