"""``python -I -S launch.py FILE COMMAND...``: run a command, write its seconds and peak memory into a file.

Linux counts the memory of the process that starts another into the new one's peak, so that a small child of
a large parent would read as large. This file imports next to nothing and takes about 10 MB.
"""

import os
import sys
import time


def main() -> int:
    """Run the command and return its exit status, negative for a signal."""
    report, *command = sys.argv[1:]
    started = time.perf_counter()
    try:
        child = os.posix_spawnp(command[0], command, os.environ)
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    # Of this child alone; resource.getrusage would give the largest of several.
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - started
    with open(report, "w") as file:  # noqa: PTH123
        file.write(f"{os.waitstatus_to_exitcode(status)} {seconds} {usage.ru_maxrss}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
