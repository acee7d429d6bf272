# SPDX-License-Identifier: Apache-2.0
# A program in a pseudo-terminal, whose other end is pyte, a terminal emulator.
import copy
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

import pyte

# How long a screen may take to become what it should be.
PATIENCE = float(os.environ.get("PATIENCE", 20))


def private(mode):
    """A private mode's number as pyte keeps it."""
    return mode << 5


class Screen(pyte.Screen):
    """pyte's screen, with the alternate one, which pyte does not have."""

    main = None

    def set_mode(self, *modes, **options):
        super().set_mode(*modes, **options)
        if options.get("private") and 1049 in modes and self.main is None:
            self.main = copy.deepcopy(self.buffer), copy.copy(self.cursor)
            self.erase_in_display(2)

    def reset_mode(self, *modes, **options):
        super().reset_mode(*modes, **options)
        if options.get("private") and 1049 in modes and self.main is not None:
            buffer, cursor = self.main
            self.buffer.clear()
            self.buffer.update(buffer)
            self.cursor.x, self.cursor.y = cursor.x, cursor.y
            self.main = None
            self.dirty.update(range(self.lines))

    def text(self):
        """What is seen, and below it which of it is coloured or otherwise set off: line, columns, how."""
        lines = [line.rstrip() for line in self.display]
        looks = []
        for y in range(self.lines):
            start, look = 0, None
            for x in range(self.columns + 1):
                char = self.buffer[y][x] if x < self.columns else None
                now = None
                # The second half of a wide character has no look of its own.
                if char is not None and (char.data or look is None):
                    now = " ".join(
                        [char.fg] * (char.fg != "default") + [char.bg] * (char.bg != "default")
                        + ["bold"] * char.bold + ["reverse"] * char.reverse) or None
                elif char is not None:
                    now = look
                if now != look:
                    if look:
                        looks.append(f"{y + 1}: {start + 1}-{x} {look}")
                    start, look = x, now
        return "\n".join(lines + ["--"] + looks) + "\n"


class Terminal:
    """A terminal with a program in it."""

    def __init__(self, command, columns=80, rows=24, environment=None):
        self.screen = Screen(columns, rows)
        self.stream = pyte.ByteStream(self.screen)
        self.stream.feed(b"$ serverctl\r\n")
        self.master, self.slave = pty.openpty()
        self.set_size(columns, rows)
        self.modes = termios.tcgetattr(self.slave)
        clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}

        def control():
            os.setsid()
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(
            command, stdin=self.slave, stdout=self.slave, stderr=self.slave, preexec_fn=control,
            env={**clean, "TERM": "xterm-256color", "LANG": "C.UTF-8", **(environment or {})})

    def set_size(self, columns, rows):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns, rows):
        self.screen.resize(rows, columns)
        self.set_size(columns, rows)

    def press(self, keys):
        os.write(self.master, keys.encode())

    def pump(self, seconds):
        """Shows what the program writes, for so long at most; tells whether it wrote anything."""
        if not select.select([self.master], [], [], seconds)[0]:
            return False
        self.stream.feed(os.read(self.master, 65536))
        return True

    def until(self, what, is_so):
        """Shows what the program writes until something is so."""
        end = time.monotonic() + PATIENCE
        while not is_so():
            left = end - time.monotonic()
            assert left > 0, f"{what}: this is on the screen instead:\n{self.screen.text()}"
            self.pump(min(left, 0.05))

    def settle(self):
        """Shows what the program writes until it writes nothing more for a while."""
        while self.pump(0.4):
            pass

    def is_restored(self):
        """Whether all is as before the program: screen, cursor, lines that go on below, modes."""
        return (
            self.screen.main is None
            and not self.screen.cursor.hidden
            and private(7) in self.screen.mode
            and self.screen.cursor.attrs == self.screen.default_char
            and self.screen.display[0].rstrip() == "$ serverctl"
            and termios.tcgetattr(self.slave) == self.modes)

    def wait(self, status):
        """Waits for the program's end, and checks how it ended and that the terminal is as it was."""
        self.until("the program has not ended", lambda: self.process.poll() is not None)
        while self.pump(0):
            pass
        assert self.process.returncode == status, f"it ended with {self.process.returncode}, not {status}"
        assert self.is_restored(), f"the terminal is not as it was:\n{self.screen.text()}"

    def hang_up(self):
        """The terminal goes away."""
        os.close(self.master)
        self.master = -1

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for number in (self.master, self.slave):
            if number >= 0:
                os.close(number)
