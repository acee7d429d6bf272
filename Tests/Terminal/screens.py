# SPDX-License-Identifier: Apache-2.0
# serverctl in a terminal: keys are pressed, and what is on the screen then is compared with files in Golden.
#
# Names of checks may be given, for others to be left out. With UPDATE=1 those files are written instead, after the
# screen has not changed for a while.
import contextlib
import difflib
import os
import pathlib
import signal
import sys
import tempfile
import traceback

from daemon import Closing, Daemon, Load
from emulator import Terminal

serverctl = sys.argv[1]
golden = pathlib.Path(os.environ.get("GOLDEN", pathlib.Path(__file__).parent / "Golden"))
update = os.environ.get("UPDATE") == "1"


@contextlib.contextmanager
def session(script, *verb, columns=80, rows=24, environment=None):
    """A program in a terminal, with the daemon that it talks to."""
    with tempfile.TemporaryDirectory() as directory:
        path = f"{directory}/socket"
        daemon = Daemon(path, script)
        terminal = Terminal([serverctl, "--admin-socket", path, *verb], columns, rows, environment)
        try:
            yield terminal, daemon
        finally:
            terminal.close()
            daemon.close()


def shows(terminal, name):
    """The screen becomes that of the golden file."""
    file = golden / f"{name}.txt"
    if update:
        terminal.settle()
        file.write_text(terminal.screen.text())
        return
    wanted = file.read_text()
    try:
        terminal.until(name, lambda: terminal.screen.text() == wanted)
    except AssertionError:
        lines = difflib.unified_diff(
            wanted.splitlines(), terminal.screen.text().splitlines(), f"Golden/{name}.txt", "the screen", lineterm="")
        raise AssertionError("\n".join(["it does not show what it should:", *lines])) from None


def samples(terminal, daemon, count):
    """So many samples are told, and each is asked for after the one before."""
    for _ in range(count):
        before = daemon.count("ListConnections")
        daemon.release()
        terminal.until("no sample is asked for", lambda: daemon.count("ListConnections") > before)


def top(*options):
    return ["top", "--interval", "200ms", *options]


# A sample that is not told makes serverctl give up after 10 seconds: what is done between two must not take so long.


def usual_size():
    """top at 80x24: rates and shares after some samples, the sortings, the filter, other sizes"""
    with session(Load(), *top()) as (terminal, daemon):
        shows(terminal, "top-asking")
        samples(terminal, daemon, 1)
        shows(terminal, "top-first-sample")
        samples(terminal, daemon, 4)
        shows(terminal, "top-by-age")
        for key, name in [("c", "top-by-cpu"), ("b", "top-by-bytes")]:
            terminal.press(key)
            shows(terminal, name)
        terminal.press("a/gi")
        shows(terminal, "top-filter")
        terminal.press("\r")
        shows(terminal, "top-filtered")
        terminal.press("\x1b[B")
        shows(terminal, "top-second-of-filtered")
        terminal.resize(50, 14)
        shows(terminal, "top-50x14")
        terminal.resize(20, 8)
        shows(terminal, "top-20x8")
        terminal.resize(80, 24)
        shows(terminal, "top-second-of-filtered")
        terminal.press("\x1b")
        shows(terminal, "top-by-age-second")
        terminal.press("q")
        terminal.wait(0)


def closing():
    """top closes the chosen connection after a question, and tells what came of it"""
    with session(Load(), *top()) as (terminal, daemon):
        samples(terminal, daemon, 5)
        terminal.press("x")
        shows(terminal, "top-question")
        terminal.press("n")
        shows(terminal, "top-by-age")
        terminal.press("xy")
        shows(terminal, "top-not-permitted")
        terminal.press("Gxy")
        shows(terminal, "top-closing")
        assert [call["id"] for name, call in daemon.calls if name == "CloseConnection"] == [812, 1003], daemon.calls
        terminal.press("q")
        terminal.wait(0)


def large_size():
    """top at 120x40, with more connections than fit, around the chosen one"""
    with session(Load(connections=60), *top(), columns=120, rows=40) as (terminal, daemon):
        samples(terminal, daemon, 3)
        shows(terminal, "top-120x40")
        terminal.press("\x1b[6~" * 4)
        shows(terminal, "top-120x40-scrolled")
        terminal.press("\x03")
        terminal.wait(0)


def no_colour():
    """top without colours, and with characters that every terminal has"""
    with session(Load(), *top(), environment={"NO_COLOR": "1", "LC_ALL": "C"}) as (terminal, daemon):
        samples(terminal, daemon, 5)
        shows(terminal, "top-plain")
        terminal.press("q")
        terminal.wait(0)


def endings():
    """top leaves the terminal as it was, whatever ends it"""
    for number in [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT]:
        with session(Load(), *top()) as (terminal, daemon):
            samples(terminal, daemon, 1)
            shows(terminal, "top-first-sample")
            assert not terminal.is_restored(), "it is no test where nothing was changed"
            terminal.process.send_signal(number)
            terminal.wait(-number)
    with session(Load(), *top()) as (terminal, daemon):
        samples(terminal, daemon, 1)
        shows(terminal, "top-first-sample")
        terminal.hang_up()
        assert terminal.process.wait(20) == -signal.SIGHUP, terminal.process.returncode
    with session(Load(), *top()) as (terminal, daemon):
        samples(terminal, daemon, 1)
        shows(terminal, "top-first-sample")
        daemon.close()
        terminal.wait(1)
        text = terminal.screen.text().replace("\n", "")
        assert "serverctl: no reply to io.serverd.Manager.GetStatus from" in text, text
        assert "the daemon closed the connection; see serverd's log" in text, text


def stopping():
    """top gives the terminal back while it is stopped, and takes it again"""
    with session(Load(), *top()) as (terminal, daemon):
        samples(terminal, daemon, 1)
        shows(terminal, "top-first-sample")
        for stop in [lambda: terminal.press("\x1a"), lambda: terminal.process.send_signal(signal.SIGTSTP)]:
            stop()
            terminal.until("it has not stopped", lambda: state(terminal.process.pid) == "T")
            terminal.until("the terminal is not as it was", terminal.is_restored)
            terminal.process.send_signal(signal.SIGCONT)
            shows(terminal, "top-first-sample")
        terminal.press("q")
        terminal.wait(0)


def state(pid):
    """What a process is doing, as proc(5) has it."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()[0]


def progress():
    """close --existing=stop shows each step in the place of the one before, and at the end only the summary"""
    for columns in [80, 40]:
        with session(Closing(), "close", "git", "--existing=stop", columns=columns, rows=10) as (terminal, daemon):
            for step in Closing.STEPS[:-1]:
                daemon.release()
                shows(terminal, f"close-{columns}-{step['step']}")
            daemon.release()
            shows(terminal, f"close-{columns}-finished")
            terminal.wait(0)


passed = failed = 0
for check in [usual_size, closing, large_size, no_colour, endings, stopping, progress]:
    if sys.argv[2:] and check.__name__ not in sys.argv[2:]:
        continue
    name = check.__doc__.strip()
    try:
        check()
        passed += 1
        print(f"ok {name}", flush=True)
    except Exception as error:
        failed += 1
        where = traceback.extract_tb(error.__traceback__)[-1]
        told = str(error) if isinstance(error, AssertionError) else f"{error!r} at {where.filename}:{where.lineno}"
        print(f"failed {name}: {told}", flush=True)
print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
