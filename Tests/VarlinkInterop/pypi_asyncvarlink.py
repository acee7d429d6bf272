# SPDX-License-Identifier: Apache-2.0
# PyPI's asyncvarlink as client: the calls of the certification, with every flag, on one connection.
import asyncio
import os

import asyncvarlink
import checks
from asyncvarlink import VarlinkMethodCall

path = os.environ["SOCKET"]
with open(os.environ["DESCRIPTION"]) as file:
    DESCRIPTION = file.read()


async def connect():
    transport, protocol = await asyncvarlink.connect_unix_varlink(asyncvarlink.VarlinkClientProtocol, path)
    return transport, protocol


def asynchronous(check):
    def run():
        async def conversation():
            transport, protocol = await connect()
            try:
                await check(protocol)
            finally:
                transport.close()
        asyncio.run(asyncio.wait_for(conversation(), 30))
    run.__doc__ = check.__doc__
    return run


async def call(protocol, method, **parameters):
    reply, _ = await protocol.call(VarlinkMethodCall(method, parameters))
    if reply.error is not None:
        raise RuntimeError(reply.error)
    return reply.parameters


@asynchronous
async def info(protocol):
    """it tells who is there"""
    reply = await call(protocol, "org.varlink.service.GetInfo")
    assert reply["product"] == "varlink peer" and "io.serverd.Manager" in reply["interfaces"], reply


@asynchronous
async def description(protocol):
    """it gets the description of io.serverd.Manager byte for byte"""
    reply = await call(
        protocol, "org.varlink.service.GetInterfaceDescription", interface="io.serverd.Manager")
    assert reply["description"] == DESCRIPTION


@asynchronous
async def certification(protocol):
    """the certification passes, with more and oneway"""
    prefix = "org.varlink.certification."
    client = (await call(protocol, prefix + "Start"))["client_id"]
    reply = {}
    for number in range(1, 10):
        reply = await call(protocol, f"{prefix}Test{number:02}", client_id=client, **reply)
    last = VarlinkMethodCall(prefix + "Test10", {"client_id": client, "mytype": reply["mytype"]}, more=True)
    replies = [reply async for reply, _ in protocol.call_more(last)]
    assert [reply.continues for reply in replies] == [True] * 9 + [False]
    texts = [reply.parameters["string"] for reply in replies]
    await protocol.call(VarlinkMethodCall(
        prefix + "Test11", {"client_id": client, "last_more_replies": texts}, oneway=True))
    assert await call(protocol, prefix + "End", client_id=client) == {"all_ok": True}


@asynchronous
async def pipelined(protocol):
    """calls that wait for no reply are answered in their order"""
    methods = [f"a.b.C{number}" for number in range(100)]
    replies = await asyncio.gather(*(protocol.call(VarlinkMethodCall(method, {})) for method in methods))
    assert [reply.parameters["method"] for reply, _ in replies] == methods
    assert {reply.error for reply, _ in replies} == {"org.varlink.service.MethodNotFound"}


checks.run([info, description, certification, pipelined])
