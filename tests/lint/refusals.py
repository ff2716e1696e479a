#!/usr/bin/env python3
"""Every code that a kind refuses or parks with is named in a test, so that nobody meets an answer that was never tried.
A released code keeps its number though no kind answers it any more (the evolution gate): RETIRED lists those."""

import pathlib
import re
import sys

ENUM = re.compile(r"^enum Refusal\b[^{]*\{(.*?)^\}", re.S | re.M)
VALUE = re.compile(r"^\s*(\w+)\s*=\s*\d+", re.M)
RETIRED = {
    "batch.report_unknown", "batch.reservation_unknown", "hold.batch_unknown", "order_release.answer_pending",
    "order_release.ended", "production_confirmation.finished",
}
# Reasons that a release check gives; they are no members of an enum.
CHECK = re.compile(r'\bfail\(\s*\w+,\s*"([a-z_]+\.[a-z_]+)"')


def declared():
    """(code, where) of each refusal in the schemas and each reason of a check."""
    for path in sorted(pathlib.Path("schemas").rglob("*.fbs")):
        text = path.read_text(encoding="utf-8")
        for enum in ENUM.finditer(text):
            for value in VALUE.finditer(enum.group(1)):
                yield f"{path.stem}.{value.group(1)}", path
    for path in sorted(pathlib.Path("actors").glob("*.cpp")):
        for code in CHECK.findall(path.read_text(encoding="utf-8")):
            yield code, path


def named_in_tests():
    files = [p for p in pathlib.Path("tests").rglob("*") if p.suffix in (".cpp", ".hpp", ".txt")]
    text = "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in files)
    return set(re.findall(r"(?<![\w.])[a-z_]+\.[a-z_]+(?![\w.])", text))


def main():
    named, findings, known = named_in_tests(), [], set()
    for code, path in declared():
        known.add(code)
        if code in RETIRED and code in named:
            findings.append(f"{path}: {code} is retired, and a test expects it")
        elif code not in RETIRED and code not in named:
            findings.append(f"{path}: no test names the refusal {code}")
    findings += [f"tests/lint/refusals.py: {code} is no code of a schema" for code in sorted(RETIRED - known)]
    if not known:
        findings.append("schemas: no refusal found; the check reads them wrongly")
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
