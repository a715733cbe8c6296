"""Runs pages in a headless Chromium, by the DevTools protocol."""

import base64
import contextlib
import fcntl
import functools
import http.server
import json
import os
import shutil
import subprocess
import tempfile
import threading

NAMES = ("chromium-headless-shell", "chrome-headless-shell", "chromium")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)

# SwiftShader computes WebGPU on the CPU.
_OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--remote-debugging-pipe",
)


class Browser:
    """A page in a browser.

    Args:
        *options: strings. More options of the command line.
    """

    def __init__(self, *options):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        ours_in, theirs_out = os.pipe()
        theirs_in, ours_out = os.pipe()
        # The browser reads commands from file 3, and writes to file 4, which
        # must not be the pipes themselves yet.
        pipes = [
            fcntl.fcntl(x, fcntl.F_DUPFD_CLOEXEC, 10)
            for x in (theirs_in, theirs_out)
        ]
        self._process = subprocess.Popen(
            [
                BROWSER,
                *_OPTIONS,
                *options,
                f"--user-data-dir={self._profile.name}",
                "about:blank",
            ],
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=lambda: [os.dup2(x, 3 + i) for i, x in enumerate(pipes)],
        )
        for pipe in pipes:
            os.close(pipe)
        os.close(theirs_in)
        os.close(theirs_out)
        self._in = os.fdopen(ours_in, "rb")
        self._out = os.fdopen(ours_out, "wb")
        self._number = 0
        self._session = None
        self.requests = []
        self.messages = []
        (target, *_) = [
            target
            for target in self.call("Target.getTargets")["targetInfos"]
            if target["type"] == "page"
        ]
        self._session = self.call(
            "Target.attachToTarget",
            targetId=target["targetId"],
            flatten=True,
        )["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method, **parameters):
        """Call a method of the protocol, and return its result."""
        self._number += 1
        message = {
            "id": self._number,
            "method": method,
            "params": parameters,
        }
        if self._session:
            message["sessionId"] = self._session
        self._out.write(json.dumps(message).encode() + b"\0")
        self._out.flush()
        while True:
            answer = self._read()
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return answer["result"]

    def _read(self):
        content = bytearray()
        while not content.endswith(b"\0"):
            byte = self._in.read(1)
            assert byte, "the browser has stopped"
            content += byte
        answer = json.loads(content[:-1])
        parameters = answer.get("params", {})
        if answer.get("method") == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif answer.get("method") == "Log.entryAdded":
            self.messages.append(parameters["entry"]["text"])
        elif answer.get("method") == "Runtime.consoleAPICalled":
            self.messages += [
                str(x.get("value", x.get("description")))
                for x in parameters["args"]
            ]
        return answer

    def open(self, url):
        """Open an address."""
        self.requests.clear()
        self.messages.clear()
        self.call("Page.navigate", url=url)

    def evaluate(self, program, argument=None):
        """Run the body of an asynchronous function of `argument`."""
        result = self.call(
            "Runtime.evaluate",
            expression=f"(async (argument) => {{{program}}})"
            f"({json.dumps(argument)})",
            awaitPromise=True,
            returnByValue=True,
        )
        assert "exceptionDetails" not in result, result["exceptionDetails"]
        return result["result"].get("value")

    def resize(self, width, height=844):
        """Use a screen of another size, like that of a phone."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2,
            mobile=True,
        )

    def screenshot(self, path, width=390, dark=False):
        """Write an image of the whole page."""
        self.resize(width)
        scheme = "dark" if dark else "light"
        self.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        image = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(image["data"]))

    def press(self, key, code=0, text="", modifiers=0):
        """Press a key of the keyboard."""
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=code,
                text=text if kind == "keyDown" else "",
                modifiers=modifiers,
            )

    def close(self):
        # Closing all pipes stops the browser and its processes.
        self._in.close()
        self._out.close()
        self._process.wait(60)
        self._profile.cleanup()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def end_headers(self):
        # As content delivery networks do.
        self.send_header("Access-Control-Allow-Origin", "*")
        super().end_headers()


@contextlib.contextmanager
def served(folder):
    """Serve a folder as `python -m http.server` does, and yield its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
