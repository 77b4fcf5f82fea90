"""However large a file is, the client holds a few pieces of it at a time."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

MOST = 100 * 1024**2
SCRIPT = """
import hashlib, sys
from pathlib import Path
from lineage import Digest
from registry.client.transport.connection import Connection
from registry.client.transport.downloads import download
from registry.client.transport.uploads import parts_of
from registry.client.uploads import upload_to
from registry.domain.manifests import FileEntry
from registry.domain.names import Reference
from registry.domain.people.people import Actor
url, folder, size = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
with (folder / "sparse.bin").open("wb") as out:
    out.truncate(size)
with (folder / "sparse.bin").open("rb") as stream:
    digest = Digest(hashlib.file_digest(stream, "sha256").hexdigest())
server = Connection(url, "fbr_x")
upload_to(server, Actor, Reference.parse("models:/a/b"), {}, parts_of(folder / "sparse.bin"))
download(server, Reference.parse("models:/a/b/1"), FileEntry("x", size, digest), folder / "came.bin")
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(int(peak.split()[1]) * 1024)
"""


class Zeros(BaseHTTPRequestHandler):
    """Takes any upload, and gives as many zeros as came in pieces."""

    protocol_version = "HTTP/1.1"
    came = 0

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.endswith("/uploads"):
            type(self).came = 0
            (one,) = json.loads(body)["objects"]
            self._say([one | {"offset": 0}])
        else:
            self._say({"handle": "ana", "roles": [], "service": False})

    def do_PATCH(self) -> None:
        left = int(self.headers["Content-Length"])
        assert int(self.headers["Upload-Offset"]) == self.came
        type(self).came += left
        while left:
            left -= len(self.rfile.read(min(left, 2**20)))
        sha256 = "sha256:" + self.path.partition("?")[0].rpartition("/")[2]
        self._say({"sha256": sha256, "size": int(self.server.size), "offset": self.came})  # type: ignore[attr-defined]

    def _say(self, value: object) -> None:
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        size = int(self.server.size)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(size))
        self.end_headers()
        zeros = bytes(2**20)
        for at in range(0, size, len(zeros)):
            self.wfile.write(zeros[: size - at])

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def sink() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Zeros) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not say how much memory was used")
@pytest.mark.parametrize("mib", [24, pytest.param(3000, marks=pytest.mark.slow)])
def test_a_file_of_any_size_goes_up_and_down_in_a_hundred_megabytes(
    sink: ThreadingHTTPServer, tmp_path: Path, mib: int
) -> None:
    size = mib * 1024**2
    sink.size = size  # type: ignore[attr-defined]
    words = [sys.executable, "-c", SCRIPT, f"http://127.0.0.1:{sink.server_port}", str(tmp_path), str(size)]
    used = int(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    assert used < MOST
    assert Zeros.came == size
    assert (tmp_path / "came.bin").stat().st_size == size
    (tmp_path / "came.bin").unlink()
