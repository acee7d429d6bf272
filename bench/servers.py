# SPDX-License-Identifier: Apache-2.0
"""The servers that are compared: how each is configured, started, found ready and ended."""

import getpass
import os
import socket
import subprocess
import time
from pathlib import Path

BENCH = Path(__file__).resolve().parent
OUT = BENCH / "out"
HELLO = OUT / "hello"
HOLD = OUT / "hold"
#: What is measured; another program by the variable of that name.
SERVERD = Path(os.environ.get("SERVERD", BENCH.parent / ".build" / "release" / "serverd"))
READY_WITHIN_SECONDS = 10
END_WITHIN_SECONDS = 30


class BenchError(Exception):
    """A measurement that could not be made, with its reason."""


def free_port():
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def bare(port, hold_port):
    return [str(OUT / "floor-bare"), str(port), str(HELLO)]


def fair(port, hold_port):
    return [str(OUT / "floor-fair"), str(port), str(HELLO), str(hold_port), str(HOLD)]


def tcpserver(port, hold_port):
    return ["tcpserver", "-c", "20000", "-R", "-H", "-l0", "127.0.0.1", str(port), str(HELLO)]


def xinetd(port, hold_port):
    """Debian's configuration has no limits of its own and no log of connections; the built-in limits are lifted."""
    configuration = OUT / "xinetd.conf"
    configuration.write_text(
        f"""service hello
{{
    type = UNLISTED
    socket_type = stream
    protocol = tcp
    wait = no
    user = {getpass.getuser()}
    bind = 127.0.0.1
    port = {port}
    server = {HELLO}
    instances = UNLIMITED
    per_source = UNLIMITED
    cps = 1000000 1
}}
"""
    )
    log, pid = OUT / "xinetd-messages.log", OUT / "xinetd.pid"
    return ["/usr/sbin/xinetd", "-dontfork", "-f", str(configuration), "-filelog", str(log), "-pidfile", str(pid)]


def serverd(port, hold_port):
    """One stanza a service, everything else at its default; run as root, a program service must name its user."""
    directory = OUT / "serverd"
    (directory / "services.d").mkdir(parents=True, exist_ok=True)
    (directory / "serverd.toml").write_text("")
    user = f'user = "{getpass.getuser()}"\n' if os.geteuid() == 0 else ""
    for name, service_port, program in (("hello", port, HELLO), ("hold", hold_port, HOLD)):
        (directory / "services.d" / f"{name}.toml").write_text(
            f'listen = "127.0.0.1:{service_port}"\nexec = ["{program}"]\n{user}'
        )
    configuration, admin = directory / "serverd.toml", directory / "admin.sock"
    return [str(SERVERD), "--config", str(configuration), "--admin-socket", str(admin)]


#: Name → the function that writes the configuration and returns the command. This order is the first round's.
CANDIDATES = {"bare": bare, "fair": fair, "serverd": serverd, "tcpserver": tcpserver, "xinetd": xinetd}

#: Those that also serve connections which stay open, on a second port.
HOLDERS = ("fair", "serverd")


class Running:
    """A started server on ports of its own; leaving the `with` block ends exactly this process."""

    def __init__(self, name):
        self.name = name
        self.port, self.hold_port = free_port(), free_port()
        self.command = CANDIDATES[name](self.port, self.hold_port)

    def __enter__(self):
        # A file, not a pipe: nobody could slow the server down by not reading.
        with open(OUT / f"{self.name}.log", "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._await_ready()
        except BenchError:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def _await_ready(self):
        deadline = time.monotonic() + READY_WITHIN_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1) as client:
                    if client.recv(64):
                        return
            except OSError:
                pass
            time.sleep(0.02)
        raise BenchError(f"{self.name} did not answer on port {self.port}: see {OUT / (self.name + '.log')}")

    def await_no_handlers(self):
        """Returns when the handlers of the measurement before have gone, so that their end does not disturb the next."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        deadline = time.monotonic() + END_WITHIN_SECONDS
        while time.monotonic() < deadline and children.exists() and children.read_text().strip():
            time.sleep(0.05)

    def end(self):
        """Ends the server: SIGTERM, and SIGKILL when that was not enough."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(END_WITHIN_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
