"""Headless Chromium, driven over a pipe by the DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
"""None where there is none."""

PATIENCE_S = 60.0
"""What a slow machine may take to show something."""

_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
    *("--hide-scrollbars", "--no-first-run", "--disable-extensions", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
)


def until(holds: Callable[[], bool], what: str) -> None:
    """Go on as soon as it holds, which is waited for no longer than `PATIENCE_S`."""
    last = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > last:
            raise TimeoutError(f"{what} has not come within {PATIENCE_S:g} s")
        time.sleep(0.02)


class Page:
    """The one page of a browser: it is asked, and says what its console said."""

    def __init__(self, asked: IO[bytes], answers: IO[bytes]) -> None:
        self._asked, self._answers = asked, answers
        self._count, self._session = 0, ""
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        found = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = found["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """The result of a method of the protocol."""
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": given}
        if self._session:
            message["sessionId"] = self._session
        self._asked.write(json.dumps(message).encode() + b"\0")
        self._asked.flush()
        while (answer := self._next()).get("id") != self._count:
            self._note(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def open(self, path: Path, width: int, dark: bool, place: str = "") -> None:
        """Show a file, as wide as this, from a place in it, once all has been shown."""
        self.complaints.clear()
        self.call("Page.navigate", url="about:blank")
        look = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[look])
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        self.call("Page.navigate", url=path.resolve().as_uri() + place)
        self.wait("document.documentElement?.dataset.ready")

    def wait(self, script: str) -> None:
        """Go on as soon as a script comes to something that is true."""
        until(lambda: bool(self.run(script)), script)

    def run(self, script: str) -> Any:
        """What a script comes to, waited for where it is a promise."""
        found = self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in found:
            raise RuntimeError(json.dumps(found["exceptionDetails"]))
        return found["result"].get("value")

    def press(self, key: str) -> None:
        """A key, as the keyboard gives it."""
        text = {"Enter": "\r", " ": " "}.get(key)
        keyed: dict[str, Any] = {"key": key, "code": {" ": "Space"}.get(key, key)}
        keyed["windowsVirtualKeyCode"] = {"Enter": 13, "Escape": 27, "Tab": 9, " ": 32}[key]
        down = {**keyed, "text": text} if text else keyed
        self.call("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", **keyed)

    def picture(self) -> bytes:
        """What is seen, as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot")["data"])

    def _next(self) -> dict[str, Any]:
        letters = bytearray()
        while (letter := self._answers.read(1)) != b"\0":
            if not letter:
                raise RuntimeError("the browser has ended")
            letters += letter
        message: dict[str, Any] = json.loads(letters)
        return message

    def _note(self, message: dict[str, Any]) -> None:
        """Whatever the page complains of, or asks a network for."""
        method, given = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(given["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.complaints.append(given["entry"]["text"])
        elif method == "Runtime.consoleAPICalled":
            self.complaints.append(json.dumps(given["args"]))
        elif method == "Network.requestWillBeSent":
            url = given["request"]["url"]
            if not url.startswith(("file:", "about:", "blob:")):
                self.complaints.append(f"asked for {url}")


@contextmanager
def browser(home: Path) -> Iterator[Page]:
    """A page of a browser that keeps its files in a folder, and ends with the context."""
    to_read, asked = os.pipe()
    answers, to_write = os.pipe()
    # the browser reads from 3 and writes to 4; of the shells only bash names files above 9
    script = f'exec "$@" 3<&{to_read} 4>&{to_write}'
    options = [*_OPTIONS, f"--user-data-dir={home}", "--remote-debugging-pipe"]
    process = subprocess.Popen(
        ["bash", "-c", script, "bash", str(CHROMIUM), *options],
        pass_fds=(to_read, to_write),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(to_read)
    os.close(to_write)
    with open(asked, "wb") as out, open(answers, "rb") as back:
        try:
            page = Page(out, back)
            yield page
            page._session = ""
            page.call("Browser.close")
        finally:
            process.terminate()
            process.wait(10)
