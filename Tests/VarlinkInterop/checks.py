# SPDX-License-Identifier: Apache-2.0
# What the checks share: each is a function, run in order, told of by one line.
import sys
import traceback


def run(checks):
    """Runs each function of `checks` and prints its name; exits with 1 if any fails."""
    good = True
    for check in checks:
        name = check.__doc__.strip().splitlines()[0]
        try:
            check()
            print(f"ok {name}", flush=True)
        except Exception as error:
            good = False
            where = traceback.extract_tb(error.__traceback__)[-1]
            print(f"failed {name}: {error!r} at line {where.lineno}", flush=True)
    sys.exit(0 if good else 1)
