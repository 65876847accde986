"""The processes of a sweep obey the sweep alone; and what answers at an address is asked who it is."""

import asyncio
import json
import os
import socket
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dask
import psutil
import pytest
from distributed import Client, Security, rpc
from processes import becomes_true
from tiny_notebook import write_notebook
from typer.testing import CliRunner

from gan_lab.runner.cli import app
from gan_lab.runner.cluster import cluster, refuse_stranger
from gan_lab.runner.sweep import run_sweep


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """Of the cluster that a sweep starts for itself."""
    with cluster("", 1) as client:
        yield client


def ports() -> set[int]:
    """Those on which this process, and all that it started, can be spoken to."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return {
        connection.laddr.port
        for process in family
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    }


def test_the_sweep_itself_is_obeyed(client: Client) -> None:
    assert client.submit(os.getpid).result() != os.getpid()


@pytest.mark.parametrize("keys", [None, Security.temporary()], ids=["none", "others"])
def test_a_stranger_is_refused_at_every_door(client: Client, keys: Security | None) -> None:
    """Another user of the machine, who sees the ports: without keys, and with keys of their own."""
    protocol, how = ("tls", keys.get_connection_args("client")) if keys else ("tcp", {})

    async def ask(port: int) -> object:
        async with rpc(f"{protocol}://127.0.0.1:{port}", connection_args=how, timeout=2) as there:
            return await asyncio.wait_for(there.identity(), 10)

    doors = ports()
    assert int(client.scheduler.address.rpartition(":")[2]) in doors and len(doors) > 3
    for door in doors:
        with pytest.raises((OSError, ValueError, MemoryError)):  # closed at once, or an answer in HTTP
            asyncio.run(ask(door))
    assert client.submit(pow, 2, 3).result() == 8


def test_nothing_is_shown_to_a_browser(client: Client) -> None:
    for port in ports():
        for page in ("", "status", "info/main/workers.html", "json/counts.json", "metrics", "health", "api/v1/workers"):
            with pytest.raises(OSError) as refused:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/{page}", timeout=10)
            if isinstance(refused.value, urllib.error.HTTPError):
                refused.value.close()


def test_what_its_workers_keep_is_private_and_goes_with_it() -> None:
    with cluster("", 1) as client:
        kept = Path(client.submit(worker_folder).result())
        private = next(folder for folder in kept.parents if folder.name.startswith("gan-lab-"))
        assert kept.exists() and stat.S_IMODE(private.stat().st_mode) == 0o700
    assert not private.exists()


def worker_folder() -> str:
    from distributed import get_worker

    return get_worker().local_directory


@contextmanager
def answering(words: bytes) -> Iterator[str]:
    """The address of something that takes every caller, says these words, and then nothing more."""
    with ExitStack() as stack, socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()

        def serve() -> None:
            with suppress(OSError):
                while True:
                    caller, _ = door.accept()
                    stack.callback(caller.close)
                    caller.sendall(words)

        threading.Thread(target=serve, daemon=True).start()
        yield f"tcp://127.0.0.1:{door.getsockname()[1]}"
        door.shutdown(socket.SHUT_RDWR)


SILENT = b""
HTTP = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n\r\n" * 10
ZEROS = bytes(100)
JUNK = b"".join(number.to_bytes(8, "little") for number in (20, 1, 4)) + b"junk"


@pytest.mark.parametrize("words", [SILENT, b"hi", HTTP, ZEROS, JUNK], ids=["silent", "short", "http", "zeros", "junk"])
def test_what_is_no_scheduler_is_named_in_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], words: bytes
) -> None:
    monkeypatch.setattr("gan_lab.runner.cluster.PATIENCE", 1.0)
    with answering(words) as address, pytest.raises(ConnectionError) as refused:
        refuse_stranger(address)
    assert str(refused.value).startswith(f"no Dask scheduler answers at {address}: ")
    assert str(refused.value)[-2:] != ": " and "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "address",
    [
        "tcp://127.0.0.1",
        "127.0.0.1:1",
        "tcp://127.0.0.1:99999",
        "ftp://127.0.0.1:1",
        "hello",
        "tls://127.0.0.1:1",
        "x y",
    ],
)
def test_an_address_that_is_none_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setattr("gan_lab.runner.cluster.PATIENCE", 1.0)
    notebook = write_notebook(tmp_path / "tiny.ipynb")
    command = ["sweep", str(notebook), "--grid", "seed=0", "--out", str(tmp_path / "out"), "--scheduler", address]
    refused = CliRunner().invoke(app, command)
    assert refused.exit_code == 2
    (said,) = refused.stderr.splitlines()
    assert said.startswith(f"no Dask scheduler answers at {address}: ")


def test_a_web_server_is_no_scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    class Page(BaseHTTPRequestHandler):
        def log_message(self, *words: object) -> None:
            pass

    monkeypatch.setattr("gan_lab.runner.cluster.PATIENCE", 1.0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(ConnectionError, match="no Dask scheduler answers"):
            refuse_stranger(f"tcp://127.0.0.1:{server.server_port}")
        server.shutdown()


def test_a_cluster_of_one_s_own_may_have_keys(tmp_path: Path) -> None:
    keys = Security.temporary()
    for name, text in (("cert", keys.tls_client_cert), ("key", keys.tls_client_key)):
        (tmp_path / name).write_text(text)
    cert, key = str(tmp_path / "cert"), str(tmp_path / "key")
    options = ["--tls-ca-file", cert, "--tls-cert", cert, "--tls-key", key, "--no-dashboard"]
    options += ["--scheduler-file", str(tmp_path / "scheduler.json")]
    commands = [["scheduler", "--host", "tls://127.0.0.1", "--port", "0", *options]]
    commands += [["worker", "--nthreads", "1", *options, "--local-directory", str(tmp_path / "dask")]]
    with ExitStack() as stack:
        for command in commands:
            process = subprocess.Popen([sys.executable, "-m", "dask", *command], stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.terminate)
            assert becomes_true((tmp_path / "scheduler.json").exists)
        address = json.loads((tmp_path / "scheduler.json").read_text())["address"]
        assert address.startswith("tls://")
        notebook = write_notebook(tmp_path / "tiny.ipynb")
        tls = "distributed.comm.tls"
        mine = {f"{tls}.ca-file": cert, f"{tls}.client.cert": cert, f"{tls}.client.key": key}
        with pytest.raises(ConnectionError, match="check your TLS configuration"):
            run_sweep(notebook, {"seed": [0]}, {}, tmp_path / "out", scheduler=address, progress=False)
        with dask.config.set(mine):
            found = run_sweep(notebook, {"seed": [0]}, {}, tmp_path / "out", scheduler=address, progress=False)
        assert found["state"].tolist() == ["done"]
