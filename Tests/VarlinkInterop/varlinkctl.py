# SPDX-License-Identifier: Apache-2.0
# systemd's varlinkctl as client: what it can tell of the service, and the calls of the certification with every flag.
import json
import subprocess
import sys

import checks

there, command = sys.argv[1], sys.argv[2:]
address = f"unix:{there}/peer.socket"
PREFIX = "org.varlink.certification."


def varlinkctl(*arguments, fails=False):
    result = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
    if (result.returncode != 0) != fails:
        raise RuntimeError(f"{arguments} ended with {result.returncode}: {result.stderr.strip()}")
    return result.stderr if fails else result.stdout


def call(method, parameters, *options):
    """The replies: with --more they come with a record separator before each."""
    text = varlinkctl("call", "-j", *options, address, PREFIX + method, json.dumps(parameters))
    return [json.loads(part) for part in text.split("\x1e") if part.strip()]


def info():
    """info tells who is there"""
    text = varlinkctl("info", address)
    assert "varlink peer" in text and "io.serverd.Manager" in text, text


def interfaces():
    """list-interfaces and introspect show io.serverd.Manager"""
    assert "io.serverd.Manager" in varlinkctl("list-interfaces", address).split()
    text = varlinkctl("introspect", address, "io.serverd.Manager")
    assert "method CloseService(" in text and "# Closes a service" in text, text


def validate():
    """validate-idl accepts io.serverd.Manager.varlink, and keeps every declaration and comment"""
    text = varlinkctl("validate-idl", f"{there}/io.serverd.Manager.varlink")
    for word in ["interface io.serverd.Manager", "error ReplyTooLong(", "# It cannot listen, for the reason"]:
        assert word in text, word


def certification():
    """the certification passes, with --more and --oneway"""
    client = call("Start", {})[0]["client_id"]
    reply = {}
    for number in range(1, 10):
        reply = call(f"Test{number:02}", {"client_id": client, **reply})[0]
    replies = call("Test10", {"client_id": client, "mytype": reply["mytype"]}, "--more")
    texts = [reply["string"] for reply in replies]
    assert texts == [f"Reply number {number}" for number in range(1, 11)], texts
    varlinkctl(
        "call", "--oneway", address, PREFIX + "Test11",
        json.dumps({"client_id": client, "last_more_replies": texts}))
    assert call("End", {"client_id": client}) == [{"all_ok": True}]


def errors():
    """errors are shown by name, and end it with a failure"""
    text = varlinkctl("call", address, PREFIX + "Test01", '{"client_id":"nobody"}', fails=True)
    assert "org.varlink.certification.ClientIdError" in text, text
    text = varlinkctl("call", address, "io.serverd.Manager.GetStatus", "{}", fails=True)
    assert "MethodNotFound" in text or "not found" in text.lower(), text
    text = varlinkctl("call", address, PREFIX + "Test01", '{"client":"x"}', fails=True)
    assert "InvalidParameter" in text or "Invalid" in text, text


checks.run([info, interfaces, validate, certification, errors])
