"""gurux_dlms makes what a meter that calls sends: `gurux_caller.py` reads JSON on stdin and prints telegrams in hex, a
line each. It is under the GPL and runs only in this process of its own; nothing of meterd is imported here.
"""

import json
import sys

from gurux_dlms import GXDLMSNotify
from gurux_dlms.enums import InterfaceType, Security, Unit
from gurux_dlms.objects import GXDLMSCaptureObject, GXDLMSData, GXDLMSPushSetup, GXDLMSRegister
from gurux_dlms.objects.enums import SecuritySuite
from gurux_dlms.secure import GXDLMSSecureNotify


def main() -> None:
    order = json.load(sys.stdin)
    interface = InterfaceType.WRAPPER if order["framing"] == "wrapper" else InterfaceType.HDLC
    if order["title"]:
        notify = GXDLMSSecureNotify(True, 102, 1, interface)
        cipher = notify.ciphering
        cipher.systemTitle = bytes.fromhex(order["title"])
        cipher.blockCipherKey = bytes.fromhex(order["key"])
        cipher.authenticationKey = bytes.fromhex(order["authentication_key"])
        cipher.security = getattr(Security, order["security"])
        cipher.securitySuite = SecuritySuite.SUITE_0
        cipher.invocationCounter = order["counter"]
    else:
        notify = GXDLMSNotify(True, 102, 1, interface)
    notify.hdlcSettings.maxInfoTX = notify.hdlcSettings.maxInfoRX = 1024  # it sends no segments
    name = GXDLMSData("0.0.42.0.0.255")
    name.value = order["name"].encode()
    register = GXDLMSRegister("1.0.1.8.0.255")
    register.value, register.scaler, register.unit = order["value"], 10, Unit.ACTIVE_ENERGY
    setup = GXDLMSPushSetup()
    setup.pushObjectList = [
        (setup, GXDLMSCaptureObject(2, 0)),
        (name, GXDLMSCaptureObject(2, 0)),
        (register, GXDLMSCaptureObject(2, 0)),
        (register, GXDLMSCaptureObject(3, 0)),
    ]
    for message in notify.generatePushSetupMessages(None, setup):
        print(bytes(message).hex())


if __name__ == "__main__":
    main()
