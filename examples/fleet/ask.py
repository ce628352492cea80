"""Ask a gateway something over MQTT, signed: what `meterd remote` does on the other side (docs/fleet.md).

    python ask.py --broker HOST[:PORT] --gateway north-17 --key north-17.key status
    python ask.py …  read kitchen            one reading of a device, by the running daemon
    python ask.py …  doctor kitchen
    python ask.py …  configure meters.json --confirm-s 600     in force at once; taken back unless confirmed in time
    python ask.py …  confirm                 what is on trial stays
    python ask.py …  revert

The key is the gateway's own, 64 hexadecimal digits in a file. Prints the answer; ends with 0 where it is `ok`.
"""

import argparse
import hashlib
import hmac
import json
import sys
import threading
import time
from pathlib import Path

import paho.mqtt.client as mqtt

ROOT = "meterd-remote"


def mac(key, purpose, gateway, body):
    return hmac.new(key, f"{purpose}\0{gateway}\0{body}".encode(), hashlib.sha256).hexdigest()


def sealed(key, gateway, content):
    body = json.dumps(content)
    return json.dumps({"body": body, "mac": mac(key, "meterd request", gateway, body)})


def opened(key, gateway, payload):
    """The answer, where this gateway and no other has given it; else None."""
    envelope = json.loads(payload)
    shown = mac(key, "meterd answer", gateway, envelope["body"])
    return json.loads(envelope["body"]) if hmac.compare_digest(shown, envelope["mac"]) else None


class Asker:
    """A connection, on which questions are asked one after the other."""

    def __init__(self, options):
        self.options = options
        self.key = bytes.fromhex(Path(options.key_file).read_text().strip())
        self.base = f"{ROOT}/{options.gateway}"
        self.answers, self.ready = {}, threading.Condition()
        self.client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        if options.ca:
            self.client.tls_set(options.ca, options.certificate, options.key)
        subscribed = threading.Event()
        self.client.on_connect = lambda client, *_: client.subscribe(f"{self.base}/answer", 1)
        self.client.on_subscribe = lambda *_: subscribed.set()
        self.client.on_message = lambda client, data, message: self.hear(message.payload)
        host, _, port = options.broker.partition(":")
        self.client.connect(host, int(port or (8883 if options.ca else 1883)))
        self.client.loop_start()
        if not subscribed.wait(options.wait_s):
            raise TimeoutError("the broker does not answer")

    def hear(self, payload):
        answer = opened(self.key, self.options.gateway, payload)
        if answer is not None:
            with self.ready:
                self.answers[answer.get("n")] = answer
                self.ready.notify_all()

    def ask(self, **request):
        """The answer. Raises: TimeoutError."""
        number = time.time_ns() // 1_000_000  # it rises from request to request
        self.client.publish(f"{self.base}/request", sealed(self.key, self.options.gateway, {"n": number, **request}), 1)
        with self.ready:
            if not self.ready.wait_for(lambda: number in self.answers, self.options.wait_s):
                raise TimeoutError(f"{self.options.gateway} has not answered within {self.options.wait_s} s")
            return self.answers.pop(number)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()


def request_of(options, asker):
    if options.do in ("read", "doctor"):
        return {"do": options.do, "device": options.what}
    if options.do == "configure":
        text = Path(options.what).read_text()
        return {"do": "configure", "text": text, "hash": hashlib.sha256(text.encode()).hexdigest(),
                "confirm_s": options.confirm_s}  # fmt: skip
    if options.do == "confirm":
        return {"do": "confirm", "hash": asker.ask(do="status").get("on_trial")}
    return {"do": options.do}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--broker", required=True, metavar="HOST[:PORT]")
    parser.add_argument("--gateway", required=True)
    parser.add_argument("--key", dest="key_file", required=True, help="the gateway's key for requests")
    parser.add_argument("--wait-s", type=float, default=150)
    parser.add_argument("--confirm-s", type=int, default=300)
    for name in ("--ca", "--certificate", "--tls-key"):
        parser.add_argument(name, help="file in PEM; with --ca it speaks TLS", dest=name.replace("tls-", "").strip("-"))
    parser.add_argument("do", choices=["status", "read", "doctor", "configure", "confirm", "revert"])
    parser.add_argument("what", nargs="?", help="a device, or a file")
    options = parser.parse_args()
    asker = Asker(options)
    answer = asker.ask(**request_of(options, asker))
    asker.close()
    print(answer["text"] if "text" in answer else json.dumps(answer, indent=1))
    sys.exit(0 if answer.get("ok") else 1)
