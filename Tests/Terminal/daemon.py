# SPDX-License-Identifier: Apache-2.0
# A daemon that plays a script to serverctl over Varlink, one reply at a time, each when the test lets it.
import json
import os
import socket
import threading
import time

PREFIX = "io.serverd.Manager."
HOUR = 3600
MEGABYTE = 1 << 20


def after(seconds):
    """The timestamp so many seconds from now; negative for the past."""
    return int((time.time() + seconds) * 1_000_000)


class Daemon:
    """Serves every client in a thread of its own until it is closed.

    Times: an age or a time left that is shown in hours and minutes is sent as one of so many hours, minutes and half a
    minute, so that it is the same text for as long as the test may take. Rates and shares of a processor are sent for
    the time that has really passed since the sample before, at least SPACING, so that they are the same when rounded.
    """

    SPACING = 1.5

    def __init__(self, path, script):
        self.path = path
        self.script = script
        self.calls = []
        self.changed = threading.Condition()
        self.allowed = 0
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen()
        self.connections = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.connections.append(connection)
            threading.Thread(target=self.serve, args=[connection], daemon=True).start()

    def serve(self, connection):
        data = b""
        try:
            while piece := connection.recv(65536):
                data += piece
                while b"\0" in data:
                    message, data = data.split(b"\0", 1)
                    call = json.loads(message)
                    name = call["method"].removeprefix(PREFIX)
                    with self.changed:
                        self.calls.append((name, call.get("parameters", {})))
                        self.changed.notify_all()
                    for reply in self.script(self, name, call.get("parameters", {})):
                        connection.sendall(json.dumps(reply).encode() + b"\0")
        except OSError:
            pass

    def count(self, name):
        """How many calls of a method have come."""
        with self.changed:
            return sum(called == name for called, _ in self.calls)

    def release(self):
        """Lets one more reply of those that wait go."""
        with self.changed:
            self.allowed += 1
            self.changed.notify_all()

    def wait_for_release(self, number):
        """Waits until so many replies have been let go."""
        with self.changed:
            self.changed.wait_for(lambda: self.allowed >= number)

    def close(self):
        """Goes away, as a daemon does that has crashed."""
        self.listener.close()
        if os.path.exists(self.path):
            os.unlink(self.path)
        for connection in self.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            connection.close()


class Load:
    """What `serverctl top` is told: services and connections at one sample after the other."""

    # Connections accepted per second before each sample.
    RATES = {"echo": [0, 0, 0, 0], "git": [14, 0, 7, 3], "web": [0, 0, 0, 0], "imap": [0, 2, 4, 4]}
    # Shares of a processor, in percent.
    SHARES = {812: 3, 1003: 1, 1010: 0}

    def __init__(self, connections=None):
        self.connections = connections
        self.samples = 0
        self.last = None
        self.accepted = dict.fromkeys(self.RATES, 100.0)
        self.used = {812: (2 * HOUR + 10.5 * 60) * 1e6, 1003: (3 * HOUR + 30) * 1e6, 1010: 20_000.0}

    def __call__(self, daemon, name, parameters):
        if name == "GetStatus":
            daemon.wait_for_release(self.samples + 1)
            if self.last is not None:
                time.sleep(max(0, self.last + daemon.SPACING - time.monotonic()))
            self.advance()
            yield {"parameters": self.status()}
        elif name == "ListConnections":
            yield {"parameters": {"connections": self.list(), "complete": True}}
        elif name == "CloseConnection" and parameters["id"] == 1003:
            progress = {"step": "stopping", "open": 1, "services": [], **dict.fromkeys(
                ["ended", "stopped", "killed", "kept", "lingering"], 0)}
            yield {"parameters": {"progress": progress}, "continues": True}
        else:
            yield {"error": PREFIX + "NotPermitted", "parameters": {"method": name, "needs": "operate"}}

    def advance(self):
        now = time.monotonic()
        if self.last is not None:
            for name, rates in self.RATES.items():
                self.accepted[name] += rates[min(self.samples, len(rates)) - 1] * (now - self.last)
            for id, share in self.SHARES.items():
                self.used[id] += share / 100 * (now - self.last) * 1e6
        self.last = now
        self.samples += 1

    def status(self):
        states = {
            "echo": ("full", 10, 10), "git": ("listening", 7, 100), "imap": ("suspended", 3, 50),
            "web": ("failed", 0, 5)}
        services = [
            {
                "name": name, "state": state, "addresses": [], "connections": open, "connectionLimit": limit,
                "connectionsAccepted": round(self.accepted[name]), "handlerFailures": 0, "connectionsRefused": 0,
            } for name, (state, open, limit) in states.items()]
        daemon = {"version": "1.2.3", "pid": 4242, "state": "running", "images": 1, "startTimestamp": after(-76.5 * HOUR)}
        return {"daemon": daemon, "services": services}

    def list(self):
        def connection(id, service, peer, minutes, state="serving", **fields):
            return {
                "id": id, "service": service, "transport": "tcp", "peer": peer, "localAddress": "192.0.2.9:9418",
                "state": state, "startTimestamp": after(-(minutes + 0.5) * 60), **fields}

        few = [
            connection(
                812, "git", "192.0.2.1:4711", 26 * 60, pid=5812, cpuTime=int(self.used[812]), memory=20 * MEGABYTE,
                bytesIn=1536, bytesOut=7 * MEGABYTE),
            connection(
                1003, "imap", "[2001:db8::17:1]:50112", 61, pid=6003, cpuTime=int(self.used[1003]),
                memory=3 * MEGABYTE, bytesIn=900 * MEGABYTE, bytesOut=4096),
            connection(
                1010, "git", "203.0.113.250:60999", 130, state="stopping", pid=6010, cpuTime=int(self.used[1010]),
                memory=MEGABYTE, bytesIn=17, bytesOut=0),
            connection(
                1011, "echo", "@\u65e5\u672c\u001b[2J", 75, state="killing", transport="unix",
                unixPeer={"uid": 1000, "gid": 1000, "pid": 99}),
        ]
        many = [
            connection(2000 + number, "imap", f"198.51.100.{number}:993", 1000 + number, pid=7000 + number)
            for number in range(self.connections or 0)]
        return few + many


class Closing:
    """What `serverctl close` is told: the steps of a closing, each when the test lets it."""

    STEPS = [
        {"step": "accepting", "open": 12, "nextStep": "waiting"},
        {"step": "waiting", "open": 9, "ended": 3, "nextStep": "stopping", "next": 2 * HOUR + 10.5 * 60,
         "deadline": 3 * HOUR + 20.5 * 60},
        {"step": "stopping", "open": 5, "ended": 4, "stopped": 3, "nextStep": "killing",
         "next": 3 * HOUR + 20.5 * 60, "deadline": 3 * HOUR + 20.5 * 60},
        {"step": "killing", "open": 2, "ended": 4, "stopped": 6},
        {"step": "finished", "open": 0, "ended": 4, "stopped": 6, "killed": 2},
    ]

    def __call__(self, daemon, name, parameters):
        for number, step in enumerate(self.STEPS):
            daemon.wait_for_release(number + 1)
            step = dict(step)
            progress = {**dict.fromkeys(["ended", "stopped", "killed", "kept", "lingering"], 0), "services": []}
            if step["open"]:
                progress["services"] = [{"service": "git", "connections": step["open"]}]
            for key in ("next", "deadline"):
                if key in step:
                    progress[{"next": "nextStepTimestamp"}.get(key, "deadlineTimestamp")] = after(step.pop(key))
            yield {"parameters": {"progress": {**progress, **step}}, "continues": step["step"] != "finished"}
