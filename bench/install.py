# SPDX-License-Identifier: Apache-2.0
"""Installs what the benchmark needs, taking care that no installed daemon is started by its package."""

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path

PACKAGES = Path(__file__).resolve().parent / "packages.txt"
POLICY = Path("/usr/sbin/policy-rc.d")
NEEDED = {"gcc": "gcc", "make": "make", "tcpserver": "ucspi-tcp", "xinetd": "xinetd"}
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@contextmanager
def nothing_starts():
    """While this lasts, maintainer scripts may not start services; afterwards the policy is as it was found."""
    before = POLICY.read_bytes() if POLICY.exists() else None
    mode = POLICY.stat().st_mode & 0o777 if before is not None else None
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        if before is None:
            POLICY.unlink()
        else:
            POLICY.write_bytes(before)
            POLICY.chmod(mode)


def install_peers():
    """Installs the missing packages as root; returns the names of the programs that are still missing."""
    missing = [program for program in NEEDED if shutil.which(program, path=SYSTEM_PATH) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        with nothing_starts():
            subprocess.run(["apt-get", "update", "-qq"], check=True)
            command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES.read_text().split()]
            subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        missing = [program for program in NEEDED if shutil.which(program, path=SYSTEM_PATH) is None]
    return missing
