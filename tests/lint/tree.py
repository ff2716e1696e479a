#!/usr/bin/env python3
"""Checks of the tree that no compiler makes: layers point down only, files and functions stay small,
names are snake_case, and no mark of unfinished work is left. Prints every finding; exit 1 when there is one."""

import pathlib
import re
import subprocess
import sys

LAYERS = {"schemas": 0, "cluster": 1, "actors": 2, "nodes": 3}
FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
COLUMNS_MAX = 100
# Files that may be longer, each with its reason.
LONGER = {
    "tests/": "tests read top to bottom, one case after the other",
    "cluster/cell_run.cpp": "one pass over an actor's stash: the steps of one class, read in their order",
    "cluster/host.hpp": "one state machine: its inputs, outputs and all of its state in one place",
    "nodes/client_port.cpp": "one thread with its socket, its clients and their limits",
}
SOURCES = (".cpp", ".hpp", ".c", ".h")


def tracked():
    out = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], check=True, capture_output=True, text=True)
    return [pathlib.Path(p) for p in out.stdout.splitlines() if pathlib.Path(p).is_file()]


def layer_findings(path, text):
    layer = LAYERS.get(path.parts[0])
    if layer is None:
        return
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'#include "([a-z]+)/', line)
        if match and LAYERS.get(match.group(1), 0) > layer:
            yield f"{path}:{number}: {path.parts[0]} may not include {match.group(1)} (nodes -> actors -> cluster -> schemas)"
        if match and match.group(1) in ("tests", "bench"):
            yield f"{path}:{number}: the product may not include {match.group(1)}"
        if re.match(r'#include ["<]caf/', line) and path.parts[0] in ("schemas", "actors"):
            yield f"{path}:{number}: {path.parts[0]} knows no CAF"
        if re.match(r'#include ["<]raft(\.h|/)', line) and not path.name.startswith(("group", "raft")):
            yield f"{path}:{number}: only the group core includes raft.h"


def function_findings(path, lines):
    """Length of each brace block that starts at a line with ')' and ends in '{' at namespace or class depth."""
    start, indent = None, None
    for number, line in enumerate(lines, 1):
        if start is None:
            if re.match(r"^( {0,2})[A-Za-z_~\[].*\)[^;=]*\{$", line) and not re.match(
                r"^ *(if|for|while|switch|else|namespace|do|class|struct|enum)\b", line
            ):
                start, indent = number, len(line) - len(line.lstrip())
        elif re.match(r"^ {%d}\}" % indent, line):
            if number - start > FUNCTION_LINES_MAX:
                yield f"{path}:{start}: function of {number - start} lines (at most {FUNCTION_LINES_MAX})"
            start = None


def size_findings(path, text):
    if any(str(path).startswith(p) or str(path) == p for p in LONGER):
        return
    lines = text.splitlines()
    if len(lines) > FILE_LINES_MAX:
        yield f"{path}: {len(lines)} lines (at most {FILE_LINES_MAX}; a longer one is listed in tests/lint/tree.py with its reason)"
    yield from function_findings(path, lines)


def mark_findings(path, text):
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(r"\b(TODO|FIXME|XXX)\b", line):
            yield f"{path}:{number}: unfinished work is not committed"
        if re.match(r"\s*using namespace\b", line) and path.suffix in (".hpp", ".h") and path.parts[0] != "tests":
            yield f"{path}:{number}: no using namespace in a header"


def main():
    findings = []
    for path in tracked():
        if path.suffix not in SOURCES:
            continue
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".hpp" and "#pragma once" not in text:
            findings.append(f"{path}:1: a header starts with #pragma once")
        if not text.startswith(("//", "/*", "#")):
            findings.append(f"{path}:1: a file starts with what it is and why")
        if not re.fullmatch(r"[a-z0-9_.]+", path.name):
            findings.append(f"{path}: file names are snake_case")
        for check in (layer_findings, size_findings, mark_findings):
            findings.extend(check(path, text))
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
