"""A local replacement for the Hugging Face Hub."""

import base64
import hashlib
import http.server
import json
import pathlib
import threading
import urllib.parse

import huggingface_hub
import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class LocalHub:
    """Serves the folder `root` in the way `hf_hub_download` expects.

    A repository `org/name` is the folder of that name. `requests` collects the
    requested files. `gated` has the repositories that nobody may read.
    `faults` maps files to what the hub does instead of serving them: return an
    error code, or `"hang"`. `environment` is what a child process needs.
    Without `names_commits`, responses for missing files do not name a commit.
    """

    def __init__(self, root, cache):
        self.root = pathlib.Path(root)
        self.requests = []
        self.gated = set()
        self.faults = {}
        self.names_commits = True
        self.is_over = threading.Event()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", 0), handler
        )
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self.environment = {
            "HF_ENDPOINT": self.endpoint,
            "HF_HUB_CACHE": str(cache),
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "NO_PROXY": "127.0.0.1",
            "no_proxy": "127.0.0.1",
        }
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )
        self._thread.start()
        self.is_running = True

    def stop(self):
        """Make the hub unreachable."""
        self.is_over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.is_running = False


class _Handler(http.server.BaseHTTPRequestHandler):
    hub = None

    def do_HEAD(self):
        self._answer(with_body=False)

    def do_GET(self):
        self._answer(with_body=True)

    def _answer(self, with_body):
        path = urllib.parse.unquote(self.path).lstrip("/")
        repository, _, rest = path.partition("/resolve/")
        file = rest.partition("/")[2]
        if file:
            # Ignore other requests of the library.
            self.hub.requests.append((self.command, repository, file))
        folder = self.hub.root / repository
        if not folder.is_dir():
            return self._refuse(401, "RepoNotFound")
        if repository in self.hub.gated:
            return self._refuse(403, "GatedRepo")
        fault = self.hub.faults.get(file)
        if fault == "hang":
            self.hub.is_over.wait(30)
            return None
        if fault is not None:
            return self._refuse(fault, "Broken")
        if not (folder / file).is_file():
            return self._refuse(404, "EntryNotFound")
        contents = (folder / file).read_bytes()
        self.send_response(200)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{hashlib.sha256(contents).hexdigest()}"')
        self.send_header("Content-Length", str(len(contents)))
        self.end_headers()
        if with_body:
            self.wfile.write(contents)

    def do_POST(self):
        """Accept uploads, with every file small enough for a plain commit."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        path = urllib.parse.urlsplit(self.path).path
        repository = path.removeprefix("/api/models/").rpartition("/")[0]
        answer = {"warnings": [], "errors": []}
        if path == "/api/repos/create":
            wanted = json.loads(body)
            repository = f"{wanted['organization']}/{wanted['name']}"
            (self.hub.root / repository).mkdir(parents=True, exist_ok=True)
            answer = {"url": f"{self.hub.endpoint}/{repository}"}
        elif "/preupload/" in path:
            answer = {
                "files": [
                    {
                        "path": file["path"],
                        "uploadMode": "regular",
                        "shouldIgnore": False,
                    }
                    for file in json.loads(body)["files"]
                ]
            }
        elif "/commit/" in path:
            folder = self.hub.root / repository.removesuffix("/commit")
            for line in body.splitlines():
                part = json.loads(line)
                if part["key"] == "file":
                    file = folder / part["value"]["path"]
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_bytes(base64.b64decode(part["value"]["content"]))
            url = f"{self.hub.endpoint}/{folder.name}/commit/{COMMIT}"
            answer = {"commitUrl": url, "commitOid": COMMIT, "success": True}
        contents = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(contents)))
        self.end_headers()
        self.wfile.write(contents)

    def _refuse(self, status, code):
        self.send_response(status)
        if self.hub.names_commits:
            self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        """Log nothing."""


@pytest.fixture
def local_hub(tmp_path, monkeypatch):
    """An empty `LocalHub` that this process uses as the hub."""
    root = tmp_path / "hub"
    root.mkdir()
    hub = LocalHub(root, tmp_path / "cache")
    for name, value in hub.environment.items():
        monkeypatch.setenv(name, value)
    # The library reads its environment variables on import.
    constants = huggingface_hub.constants
    monkeypatch.setattr(constants, "ENDPOINT", hub.endpoint)
    monkeypatch.setattr(huggingface_hub.hf_api.api, "endpoint", hub.endpoint)
    # Depending on the release, the name is in one or both of these modules.
    for module in (constants, huggingface_hub.file_download):
        monkeypatch.setattr(
            module,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            hub.endpoint + "/{repo_id}/resolve/{revision}/{filename}",
            raising=False,
        )
    cache = hub.environment["HF_HUB_CACHE"]
    monkeypatch.setattr(constants, "HF_HUB_CACHE", cache)
    yield hub
    if hub.is_running:
        hub.stop()
