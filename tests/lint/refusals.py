#!/usr/bin/env python3
"""Every code that a kind refuses or parks with is named in a test, so that nobody meets an answer that was never tried.
A code that is not answered any more keeps its number (the evolution gate) and says "Retired" in its schema."""

import pathlib
import re
import sys

ENUM = re.compile(r"^enum Refusal\b[^{]*\{(.*?)^\}", re.S | re.M)
VALUE = re.compile(r"((?:^\s*///[^\n]*\n)*)^\s*(\w+)\s*=\s*\d+", re.M)
# Found without a test when this check came; the list only shrinks: a code that gets its test leaves it.
UNTRIED = {
    "batch.report_unknown", "batch.reservation_unknown", "batch_run.too_large", "component.short",
    "erp_migration.too_many", "hold.batch_unknown", "inspection.results_full",
    "material.inspection_plan_missing", "material.inspection_plan_not_effective",
    "material.revision_not_effective", "material.waiters_full", "order.held",
    "order_release.answer_pending", "order_release.ended", "production_confirmation.finished",
}
# Reasons that a release check gives; they are no members of an enum.
CHECK = re.compile(r'\bfail\(\s*\w+,\s*"([a-z_]+\.[a-z_]+)"')


def declared():
    """(code, where, retired) of each refusal in the schemas and each reason of a check."""
    for path in sorted(pathlib.Path("schemas").rglob("*.fbs")):
        text = path.read_text(encoding="utf-8")
        for enum in ENUM.finditer(text):
            for value in VALUE.finditer(enum.group(1)):
                yield f"{path.stem}.{value.group(2)}", path, "Retired" in value.group(1)
    for path in sorted(pathlib.Path("actors").glob("*.cpp")):
        for code in CHECK.findall(path.read_text(encoding="utf-8")):
            yield code, path, False


def named_in_tests():
    files = [p for p in pathlib.Path("tests").rglob("*") if p.suffix in (".cpp", ".hpp", ".txt")]
    text = "\n".join(p.read_text(encoding="utf-8", errors="replace") for p in files)
    return set(re.findall(r"(?<![\w.])[a-z_]+\.[a-z_]+(?![\w.])", text))


def main():
    named, findings, known = named_in_tests(), [], set()
    for code, path, retired in declared():
        known.add(code)
        if retired and code in named:
            findings.append(f"{path}: {code} is retired, and a test still expects it")
        elif not retired and code not in named and code not in UNTRIED:
            findings.append(f"{path}: no test names the refusal {code}")
        elif code in UNTRIED and (retired or code in named):
            findings.append(f"tests/lint/refusals.py: {code} is retired or has its test: take it out of UNTRIED")
    if not known:
        findings.append("schemas: no refusal found; the check reads them wrongly")
    findings += [f"tests/lint/refusals.py: {code} is no refusal any more" for code in sorted(UNTRIED - known)]
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
