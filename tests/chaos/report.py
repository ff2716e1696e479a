"""What a run did and found, as Markdown."""

import time
from collections import defaultdict


SHOWN = 20


def shortened(found):
    return found[:SHOWN] + ([f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else [])


class Record:
    """One fault: when it was brought about, ended, and when the cluster acknowledged again."""

    def __init__(self, name):
        self.name, self.what = name, ""
        self.began = self.ended = self.well = 0.0


def gap_of(record, acknowledged):
    """The longest time without an answer from the fault's begin to when all was well."""
    inside = [record.began] + [t for t in acknowledged if record.began < t < record.well] + [record.well]
    return max(b - a for a, b in zip(inside, inside[1:]))


def write(path, options, began, records, load, extra, found):
    acknowledged = sorted(load.acknowledged_at)
    gaps = defaultdict(list)
    for r in records:
        if r.well:
            gaps[r.name].append(gap_of(r, acknowledged))
    outcomes = defaultdict(int)
    for o in load.operations:
        outcomes[o.outcome] += 1
    codes = defaultdict(int)
    for o in load.operations:
        if o.outcome == "fail":
            codes[f"{o.status} {o.body.get('code')}"] += 1
    lines = [f"# Chaos: seed {options.seed}, {options.nodes} nodes, {(time.monotonic() - began) / 60:.1f} min, "
             + ("**FAILED**" if found else "nothing lost, nothing doubled"), ""]
    lines += [f"- {what}" for what in shortened(found)] + ([""] if found else [])
    lines += [f"{len(load.operations)} commands: {outcomes['ok']} acknowledged, {outcomes['fail']} refused"
              + (f" ({', '.join(f'{n} × {c}' for c, n in codes.items())})" if codes else "")
              + f", {outcomes['unknown']} unknown; {len(load.reads)} linearizable reads; repeated after: "
              + (", ".join(f"{c} ({n})" for c, n in sorted(load.unanswered.items())) or "nothing") + ".", ""]
    lines += extra + ["", "| fault | times | longest time without an answer, median | max |", "| --- | --- | --- | --- |"]
    for name, all_of_it in sorted(gaps.items()):
        all_of_it.sort()
        lines.append(f"| {name} | {len(all_of_it)} | {all_of_it[len(all_of_it) // 2]:.2f} s | {all_of_it[-1]:.2f} s |")
    lines += ["", "| at | fault | held for | well again after | without an answer |", "| --- | --- | --- | --- | --- |"]
    for r in records:
        rest = (f"{r.ended - r.began:.1f} s | {r.well - r.ended:.1f} s | {gap_of(r, acknowledged):.2f} s"
                if r.well else "| not well again |")
        lines.append(f"| {r.began - began:.1f} s | {r.name}: {r.what} | {rest} |")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return lines
