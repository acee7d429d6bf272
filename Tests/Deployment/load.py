#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Clients of a daemon that is being replaced, killed or upgraded: new connections at a rate, and sessions that stay.

usage: load.py RATE SESSIONS RESULT

To port 7001 it connects RATE times a second, each time from another address, and wants "hello" and the end; to port 7002
it keeps SESSIONS connections, and wants back what it says there. It prints "begun" when all sessions are there. SIGTERM ends
it: it writes what became of all as JSON into RESULT, with the addresses of those who failed.
"""

import asyncio
import collections
import json
import signal
import sys

HELLO, CAT = 7001, 7002
PATIENCE = 20


def address(number):
    """An address of the loopback network that is this client's alone."""
    return f"127.{1 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"


class Load:
    def __init__(self, rate, sessions):
        self.rate, self.sessions = rate, sessions
        self.served = 0
        self.failures = collections.Counter()
        self.failed_from = []
        self.lost = collections.Counter()
        self.under_way = set()
        #: Sessions that have not had their first answer.
        self.beginning = set(range(sessions))
        self.begun = asyncio.Event()
        self.over = asyncio.Event()

    def session_has_begun(self, number):
        self.beginning.discard(number)
        if not self.beginning:
            self.begun.set()

    async def is_over_within(self, seconds):
        """Waits for the end, and for so long at most."""
        try:
            async with asyncio.timeout(seconds):
                await self.over.wait()
        except TimeoutError:
            pass
        return self.over.is_set()

    async def client(self, number):
        """One connection: whatever is not exactly the answer is a failure, with its reason."""
        own = address(number)
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection("127.0.0.1", HELLO, local_addr=(own, 0))
                answer = await reader.read()
                writer.close()
            outcome = f"answer {answer!r}"
        except (OSError, TimeoutError) as error:
            answer, outcome = None, type(error).__name__
        if answer == b"hello\n":
            self.served += 1
        else:
            self.failures[outcome] += 1
            self.failed_from.append(own)

    async def session(self, number):
        """One connection that stays: it must give back each line to the end."""
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection("127.0.0.1", CAT)
            line = 0
            while True:
                said = f"{number} {line}\n".encode()
                writer.write(said)
                async with asyncio.timeout(PATIENCE):
                    heard = await reader.readline()
                if heard != said:
                    raise EOFError(f"heard {heard!r}")
                self.session_has_begun(number)
                if self.over.is_set():
                    break
                line += 1
                await self.is_over_within(0.2)
            writer.close()
        except (OSError, TimeoutError, EOFError) as error:
            self.lost[f"{type(error).__name__} {error}"] += 1
            self.session_has_begun(number)

    async def run(self):
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.over.set)
        sessions = [asyncio.create_task(self.session(number)) for number in range(self.sessions)]
        await self.begun.wait()
        print("begun", flush=True)
        start, count = loop.time(), 0
        # The next client is due at a time: one that came late is followed at once.
        while not await self.is_over_within(max(0, start + count / self.rate - loop.time())):
            task = asyncio.create_task(self.client(count))
            self.under_way.add(task)
            task.add_done_callback(self.under_way.discard)
            count += 1
        await asyncio.gather(*self.under_way, *sessions)
        return {
            "served": self.served, "failed": sum(self.failures.values()), "failures": dict(self.failures),
            "failed_from": self.failed_from,
            "sessions": self.sessions, "lost": sum(self.lost.values()), "losses": dict(self.lost),
        }


if __name__ == "__main__":
    result = asyncio.run(Load(float(sys.argv[1]), int(sys.argv[2])).run())
    with open(sys.argv[3], "w") as file:
        json.dump(result, file)
