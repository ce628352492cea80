"""Debian's Chromium without a window, driven over its debugging pipe (DevTools Protocol): for tests and pictures.

Commands and answers are JSON, each ended by a zero byte, on the descriptors 3 and 4 of the browser; no library is
needed for that. What the page logs, what it fetches and what fails is kept for whoever asks afterwards.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

WORDS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-pipe",
    "--hide-scrollbars", "--force-color-profile=srgb",
)  # fmt: skip
LIMIT_S = 90.0


def program() -> str | None:
    """The path of the browser, None where there is none."""
    return shutil.which("chromium")


class Browser:
    """One page of it. `with Browser(path) as browser: browser.open(address)`."""

    def __init__(self, path: str) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        commands, self._commands = os.pipe()
        self._answers, answers = os.pipe()

        def give() -> None:
            # dup2 makes descriptors that stay open over exec; first out of the way of each other.
            low, high = os.dup(commands), os.dup(answers)
            os.dup2(low, 3)
            os.dup2(high, 4)

        self._process = subprocess.Popen(
            [path, *WORDS, f"--user-data-dir={self._folder.name}", "about:blank"],
            preexec_fn=give, close_fds=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, "HOME": self._folder.name},
        )  # fmt: skip
        os.close(commands)
        os.close(answers)
        self._held = b""
        self._number = 0
        self._session: str | None = None
        self.logged: list[str] = []  # errors and warnings of the page's console, and what was thrown
        self.fetched: list[str] = []  # every address that it asked for
        targets = self.ask("Target.getTargets")["targetInfos"]
        page = next(target for target in targets if target["type"] == "page")
        self._session = self.ask("Target.attachToTarget", targetId=page["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> Browser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._commands)  # it ends when nobody can tell it anything any more
        os.close(self._answers)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)
        self._folder.cleanup()

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol. Raises: RuntimeError with what the browser says to it."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + LIMIT_S
        while True:
            answer = self._next(deadline)
            if answer is None:
                raise RuntimeError(f"{method}: no answer within {LIMIT_S:.0f} s")
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                found: dict[str, Any] = answer["result"]
                return found

    def _next(self, deadline: float) -> dict[str, Any] | None:
        """The next message; None where none came in time."""
        while b"\0" not in self._held:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._answers], [], [], left)[0]:
                return None
            piece = os.read(self._answers, 1 << 16)
            if not piece:
                raise RuntimeError("the browser has ended")
            self._held += piece
        text, _, self._held = self._held.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.fetched.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.logged.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.logged.append(" ".join(str(each.get("value", each.get("description"))) for each in told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.logged.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")

    def open(self, address: str) -> None:
        self.ask("Page.navigate", url=address)

    def run(self, script: str) -> Any:
        """What an expression comes to in the page; a promise is waited for. Raises: RuntimeError."""
        told = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in told:
            raise RuntimeError(told["exceptionDetails"].get("exception", {}).get("description", "it failed"))
        return told["result"].get("value")

    def until(self, script: str, wanted: Callable[[Any], object] = bool, limit_s: float = LIMIT_S) -> Any:
        """What the expression comes to once it is as wanted. Raises: AssertionError with what it was last."""
        deadline = time.monotonic() + limit_s
        found = None
        while time.monotonic() < deadline:
            found = self.run(script)
            if wanted(found):
                return found
            self._next(time.monotonic() + 0.05)
        raise AssertionError(f"{script}: {found!r} after {limit_s:.0f} s")

    def text(self) -> str:
        return str(self.run("document.body.innerText"))

    def size(self, width: int, height: int, dark: bool = False) -> None:
        """As a screen of that size would show it."""
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])

    def press(self, key: str, code: int = 0) -> None:
        """One key, as `Tab` or `Enter`."""
        text = {"Enter": "\r"}.get(key, "")
        for kind in ("keyDown", "keyUp"):
            self.ask(
                "Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code,
                **({"text": text} if text and kind == "keyDown" else {}),
            )  # fmt: skip

    def type(self, text: str) -> None:
        self.ask("Input.insertText", text=text)

    def picture(self, path: Path | str) -> None:
        """What is on the screen, as PNG."""
        told = self.ask("Page.captureScreenshot", format="png")
        Path(path).write_bytes(base64.b64decode(told["data"]))
