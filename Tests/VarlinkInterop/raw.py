# SPDX-License-Identifier: Apache-2.0
# Bytes that no client library sends, on a real socket.
import json
import os
import socket

import checks

path = os.environ["SOCKET"]
INFO = b'{"method":"org.varlink.service.GetInfo"}\0'


def connect():
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(20)
    connection.connect(path)
    return connection


def receive(connection, count):
    """`count` messages."""
    data = b""
    while data.count(b"\0") < count:
        more = connection.recv(1 << 16)
        assert more, f"the end after {data!r}"
        data += more
    assert data.endswith(b"\0"), data
    return [json.loads(message) for message in data.split(b"\0")[:-1]]


def rest(connection):
    """Everything up to the end, of which a reset is one too: the server has not read all."""
    data = b""
    try:
        while more := connection.recv(1 << 16):
            data += more
    except ConnectionResetError:
        pass
    return data


def send(connection, data):
    try:
        connection.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass


def product(message):
    return message["parameters"]["product"]


def single_bytes():
    """a call in fragments of one byte is answered"""
    with connect() as connection:
        for byte in INFO:
            connection.sendall(bytes([byte]))
        assert product(receive(connection, 1)[0]) == "varlink peer"


def pipelined():
    """1,000 pipelined calls are answered in their order"""
    with connect() as connection:
        calls = b"".join(
            json.dumps({"method": "a.b.C%d" % number}).encode() + b"\0" for number in range(1000))
        connection.sendall(calls)
        replies = receive(connection, 1000)
        assert [reply["parameters"]["method"] for reply in replies] == ["a.b.C%d" % n for n in range(1000)]


def closes(name, data):
    def check():
        with connect() as connection:
            send(connection, INFO + data)
            replies = rest(connection).split(b"\0")
            assert len(replies) == 2 and product(json.loads(replies[0])) == "varlink peer", replies
    check.__doc__ = f"{name} closes the connection, after the answer to the call before"
    return check


violations = [
    closes("garbage", b"GET / HTTP/1.1\r\n\r\n\0"),
    closes("a message of a single NUL", b"\0" * 100),
    closes("a message over 1 MiB", b'{"method":"a.b.C","parameters":{"text":"' + b"x" * (1 << 20) + b'"}}\0'),
    closes("a message over 1 MiB without an end", b" " * ((1 << 20) + 70_000)),
    closes("deep nesting", b'{"method":"a.b.C","parameters":{"list":' + b"[" * 100_000 + b"\0"),
    closes("oneway with more", b'{"method":"a.b.C","oneway":true,"more":true}\0'),
    closes("an unknown key", b'{"method":"a.b.C","trace":1}\0'),
    closes("a key that comes twice", b'{"method":"a.b.C","method":"a.b.D"}\0'),
    closes("a text that is not UTF-8", b'{"method":"a.b.\xff"}\0'),
]


def extension():
    """a vendor's key with a dot is ignored"""
    with connect() as connection:
        connection.sendall(b'{"method":"org.varlink.service.GetInfo","com.example":{"id":1}}\0')
        assert product(receive(connection, 1)[0]) == "varlink peer"


def half_close():
    """a client that closes its sending direction inside a call gets the answers to those before"""
    with connect() as connection:
        connection.sendall(INFO + INFO[:10])
        connection.shutdown(socket.SHUT_WR)
        assert rest(connection).count(b"\0") == 1


def upgrade():
    """after an upgrade every byte goes to the new protocol, also those sent with the call"""
    with connect() as connection:
        connection.sendall(b'{"method":"org.example.echo.Echo","upgrade":true}\0{"a"\0')
        data = b""
        while len(data) < 8:
            data += connection.recv(100)
        assert data == b'{}\0{"a"\0', data
        connection.sendall(b"\0\xff raw")
        assert connection.recv(100) == b"\0\xff raw"


def expected_upgrade():
    """a method that upgrades, called without, is ExpectedUpgrade"""
    with connect() as connection:
        connection.sendall(b'{"method":"org.example.echo.Echo"}\0')
        assert receive(connection, 1) == [{"error": "org.varlink.service.ExpectedUpgrade"}]


def resident():
    with open(f"/proc/{os.environ['PEER_PID']}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


def never_reads():
    """clients that never read do not make the server grow, and others are served"""
    ask = b'{"method":"org.varlink.service.GetInterfaceDescription",' \
          b'"parameters":{"interface":"io.serverd.Manager"}}\0' * 500
    before = resident()
    stuck = [connect() for _ in range(8)]
    for connection in stuck:
        connection.setblocking(False)
        try:
            while True:
                connection.send(ask)
        except BlockingIOError:
            pass
    single_bytes()
    growth = resident() - before
    for connection in stuck:
        connection.close()
    assert growth < 16_384, f"{growth} KiB"


def no_growth():
    """10,000 connections that break the rules leave nothing behind"""
    def round(count):
        for number in range(count):
            with connect() as connection:
                send(connection, b'{"method":"a.b.C","more":' + bytes([number % 256]) * 50 + b"\0")
                rest(connection)
    round(2_000)
    before = resident()
    round(10_000)
    growth = resident() - before
    assert growth < 2_048, f"{growth} KiB"


checks.run([
    single_bytes, pipelined, *violations, extension, half_close, upgrade, expected_upgrade, never_reads, no_growth])
