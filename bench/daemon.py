# SPDX-License-Identifier: Apache-2.0
"""A serverd of one's own: services, the clients that hold connections to them, the tool and the protocol to operate it."""

import asyncio
import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from servers import OUT, SERVERD, BenchError, free_port

SERVERCTL = Path(os.environ.get("SERVERCTL", SERVERD.with_name("serverctl")))
PATIENCE_SECONDS = 60


class Daemon:
    """serverd with these services, by name, each a command; leaving the `with` block ends exactly this process."""

    def __init__(self, services):
        self.ports = {name: free_port() for name in services}
        self.directory = Path(tempfile.mkdtemp(prefix="serverd-operate-"))
        self.admin = self.directory / "admin.sock"
        (self.directory / "services.d").mkdir()
        (self.directory / "serverd.toml").write_text("")
        for name, command in services.items():
            (self.directory / "services.d" / f"{name}.toml").write_text(
                f'listen = "127.0.0.1:{self.ports[name]}"\nexec = {json.dumps(command)}\nuser = "{getpass.getuser()}"\n'
            )

    def __enter__(self):
        command = [str(SERVERD), "--config", str(self.directory / "serverd.toml"), "--admin-socket", str(self.admin)]
        with open(self.directory / "log", "wb") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while " ready " not in self.log():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                raise BenchError(f"serverd is not ready: {self.log()}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_):
        # Twice: what is open then is not waited for.
        for _ in range(2):
            self.process.terminate()
        try:
            self.process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.directory)

    def log(self):
        return (self.directory / "log").read_text(errors="replace")

    def command(self, *words):
        """The command line of serverctl."""
        return [str(SERVERCTL), "--admin-socket", str(self.admin), *map(str, words)]

    def serverctl(self, *words):
        """What serverctl prints; its failure is ours."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True)
        if done.returncode != 0:
            raise BenchError(f"serverctl {' '.join(map(str, words))} ended with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def connections(self, *words):
        return json.loads(self.serverctl("connections", "--json=short", *words))["connections"]

    def hold(self, service, count):
        """Opens connections that stay; returns their sockets, and the first byte of each: it is served then."""
        sockets, words = [], []
        for _ in range(count):
            client = socket.create_connection(("127.0.0.1", self.ports[service]), timeout=PATIENCE_SECONDS)
            # A reset at the end leaves no port behind in TIME_WAIT.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sockets.append(client)
            words.append(client.recv(1))
        return sockets, words

    async def call(self, method, parameters):
        """The bytes of the one reply to a call over a connection of its own."""
        reader, writer = await asyncio.open_unix_connection(str(self.admin))
        call = {"method": f"io.serverd.Manager.{method}", "parameters": parameters}
        writer.write(json.dumps(call).encode() + b"\0")
        reply = await reader.readuntil(b"\0")
        writer.close()
        return reply


def group_members(leaders):
    """Processes, zombies too, that are one of these or in the process group of one, by pid; their state."""
    found = {}
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            fields = Path(entry.path, "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(entry.name) in leaders or int(fields[2]) in leaders:
            found[int(entry.name)] = fields[0]
    return found


def await_no_members(leaders, seconds):
    """The members that are left after so long, and how long it took: who was sent SIGKILL needs a moment to go."""
    begin = time.monotonic()
    while (left := group_members(leaders)) and time.monotonic() - begin < seconds:
        time.sleep(0.02)
    return left, time.monotonic() - begin


def end(pids):
    """Ends what a daemon should have ended, so that it does not disturb what is measured next."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
