#!/usr/bin/env python3
"""Compiles every header alone (syntax only), with the flags of the build: headers are self-contained.
Usage: headers.py BUILD_DIR JOBS"""

import concurrent.futures
import pathlib
import subprocess
import sys

FLAGS = ["-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror", "-x", "c++", "-I."]


def compile_alone(build, header):
    text = f'#include "{header}"\n'
    command = ["g++", *FLAGS, "-isystem", f"{build}/gen", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False)
    return header, done.returncode, done.stderr


def main():
    build, jobs = sys.argv[1], int(sys.argv[2])
    headers = sorted(str(p) for folder in ("schemas", "cluster", "actors", "nodes") for p in pathlib.Path(folder).rglob("*.hpp"))
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for header, code, errors in pool.map(lambda h: compile_alone(build, h), headers):
            if code != 0:
                failed += 1
                print(f"{header} does not compile alone:\n{errors}")
    print(f"{len(headers)} headers, {failed} not self-contained")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
