#!/usr/bin/env python3
"""Codes are held against their lists, both ways: what the code answers with is in a catalogue (schemas/errors.hpp,
nodes/cli/program_errors.hpp), a kind's Refusal, or a reason of an answer; what is listed is answered somewhere, and named in a test, so that nobody meets an answer
that was never tried. A released refusal keeps its number though no kind answers it any more (the evolution gate): RETIRED lists those."""

import pathlib
import re
import sys

CATALOGUES = [pathlib.Path("schemas/errors.hpp"), pathlib.Path("nodes/cli/program_errors.hpp")]
ENTRY = re.compile(r'(?:error_entry|program_error)\{(\d+),\s*"([^"]+)"')
KIND = re.compile(r'\(kind:"(\w+)"')
ENUM = re.compile(r"^enum Refusal\b[^{]*\{(.*?)^\}", re.S | re.M)
VALUE = re.compile(r"^\s*(\w+)\s*=\s*\d+", re.M)
CODE = re.compile(r'"([a-z][a-z_0-9]*\.[a-z][a-z_0-9]*)"')
COMMENT = re.compile(r"(?:^|\s)//.*$|^#include.*$", re.M)
RULE = re.compile(r'(?:rule_entry\{|approval_rule\()\s*"([^"]+)"')
RETIRED = {
    "batch.report_unknown", "batch.reservation_unknown", "hold.batch_unknown", "order_release.answer_pending",
    "order_release.ended", "production_confirmation.finished",
}
# Reasons inside an answer, no errors: of a release check, and of what blocks a lot.
REASON = re.compile(r'(?:\b(?:fail|unknown)\(\s*\w+,\s*|\bcheck\.code = |\bblockers\.push_back\(\{)"([a-z_]+\.[a-z_]+)"')
ALARM = re.compile(r'\balarm\(\s*"([a-z_]+\.[a-z_]+)"')  # said in the log
SAID = re.compile(r"\bsay\([^;]*;")  # so is this, by pure cores
NO_CODES = {
    "data.mdb": "a file", "identity.new": "a file", "store.lock": "a file", "openapi.json": "a path", "asyncapi.json": "a path",
    "scheduler.policy": "a setting of CAF",
    "endpoint.pause": "a record of the host", "endpoint.replay": "a record of the host",
}


def sources():
    """(path, text without comments and includes) of what may answer."""
    for folder in ("schemas", "cluster", "actors", "nodes"):
        for path in sorted(pathlib.Path(folder).rglob("*")):
            if path.suffix in (".cpp", ".hpp") and path not in CATALOGUES:
                yield path, COMMENT.sub("", path.read_text(encoding="utf-8"))


def refusals():
    """(code, where) of each refusal in the schemas."""
    for path in sorted(pathlib.Path("schemas").rglob("*.fbs")):
        text = path.read_text(encoding="utf-8")
        for enum in ENUM.finditer(text):
            for value in VALUE.finditer(enum.group(1)):
                yield f"{path.stem}.{value.group(1)}", path


def named_in_tests():
    files = [p for p in pathlib.Path("tests").rglob("*") if p.suffix in (".cpp", ".hpp", ".txt")]
    text = "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in files).replace("\\n", " ")
    return set(re.findall(r"(?<![\w.])[a-z_]+\.[a-z_0-9]+(?![\w.])", text))


def entries():
    """(catalogue, number, code) of each entry."""
    for path in CATALOGUES:
        for number, code in ENTRY.findall(path.read_text(encoding="utf-8")):
            yield path, number, code


def check_catalogues(answered, refused, named):
    numbers, codes = set(), set()
    for path, number, code in entries():
        if number in numbers or code in codes or code in refused:
            yield f"{path}: {number} {code} is there twice"
        if code not in answered:
            yield f"{path}: nothing answers with {code}"
        if code not in named:
            yield f"{path}: no test names {code}"
        numbers.add(number)
        codes.add(code)
    if not codes:
        yield "schemas/errors.hpp: no code found; the check reads it wrongly"


def check_refusals(refused, named):
    for code, path in refused.items():
        if code in RETIRED and code in named:
            yield f"{path}: {code} is retired, and a test expects it"
        elif code not in RETIRED and code not in named:
            yield f"{path}: no test names the refusal {code}"
    for code in sorted(RETIRED - refused.keys()):
        yield f"tests/lint/refusals.py: {code} is no code of a schema"
    if not refused:
        yield "schemas: no refusal found; the check reads them wrongly"


def main():
    named, refused, texts = named_in_tests(), dict(refusals()), dict(sources())
    answered, reasons, others = {}, {}, set()
    for path, text in texts.items():
        others |= set(RULE.findall(text) + ALARM.findall(text) + CODE.findall(" ".join(SAID.findall(text))))
        for code in CODE.findall(text):
            answered.setdefault(code, path)
        for code in REASON.findall(text):
            reasons.setdefault(code, path)
    kinds = {k for p in pathlib.Path("schemas").rglob("*.fbs") for k in KIND.findall(p.read_text(encoding="utf-8"))}
    listed = {code for _, _, code in entries()}
    # KIND.unknown: of a fact for an actor that does not exist (cell_run.cpp).
    listed |= refused.keys() | reasons.keys() | others | NO_CODES.keys() | {f"{kind}.unknown" for kind in kinds}

    findings = [f"{path}: {code} is in no list of codes" for code, path in sorted(answered.items()) if code not in listed]
    findings += [f"{path}: no test names {code}" for code, path in sorted(reasons.items()) if code not in named]
    findings += [f"tests/lint/refusals.py: {what} is nowhere" for what in sorted(NO_CODES.keys() - answered.keys())]
    findings += check_catalogues(answered, refused, named)
    findings += check_refusals(refused, named)
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
