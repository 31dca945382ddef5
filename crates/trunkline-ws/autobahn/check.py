"""Judges the report of an Autobahn run and writes its table of verdicts.

Knows the report's format and what counts as strict; knows nothing of how the suite was run.
"""

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

GROUPS = {
    1: "Framing",
    2: "Pings and pongs",
    3: "Reserved bits",
    4: "Opcodes",
    5: "Fragmentation",
    6: "UTF-8",
    7: "Closing",
    9: "Limits and performance",
    10: "Automatic fragmentation",
    12: "Compression of several corpora",
    13: "Compression by several offers",
}
ACCEPTED = {"OK", "INFORMATIONAL"}


def group_of(case: str) -> int:
    return int(case.split(".", 1)[0])


def faults_of(cases: dict[str, dict]) -> list[str]:
    """Each case whose behaviour, or closing behaviour, is not strict."""
    return [
        f"{case}: behavior {result['behavior']}, behaviorClose {result['behaviorClose']}"
        for case, result in sorted(cases.items(), key=lambda item: [int(part) for part in item[0].split(".")])
        if not {result["behavior"], result["behaviorClose"]} <= ACCEPTED
    ]


def table_of(cases: dict[str, dict], suite: str) -> str:
    counts: dict[int, Counter] = defaultdict(Counter)
    for case, result in cases.items():
        counts[group_of(case)].update(cases=1, **{result["behavior"]: 1})
        counts[group_of(case)]["closed"] += result["behaviorClose"] in ACCEPTED
    lines = [
        "# Autobahn",
        "",
        "The verdicts of Autobahn's fuzzing client on the echo example of `trunkline-ws`, written by",
        "`crates/trunkline-ws/autobahn/run.sh`. Only `OK` and `INFORMATIONAL` are accepted, for the behaviour and for the",
        "way the connection is closed. The example runs with messages of 16 MiB in at most 131,072 fragments, because",
        "cases 9.* need them, and with compression, which clients get only in groups 12 and 13, because only those offer it.",
        "This table is of all cases. `make check` runs 421 of them: of groups 12 and 13, which take most of the time, only",
        "those with messages of up to 32 KiB, and of up to 16 KiB in small fragments.",
        "",
        f"Suite: autobahntestsuite {suite}. Cases: {len(cases)}.",
        "",
        "| group | | cases | OK | informational | other | closed well |",
        "|---|---|---|---|---|---|---|",
    ]
    for group, title in GROUPS.items():
        count = counts[group]
        other = count["cases"] - count["OK"] - count["INFORMATIONAL"]
        lines.append(
            f"| {group} | {title} | {count['cases']} | {count['OK']} | {count['INFORMATIONAL']} | {other} "
            f"| {count['closed']} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path, help="the run's index.json")
    parser.add_argument("--suite", required=True, help="the suite's version, for the table")
    parser.add_argument("--cases", required=True, type=int, help="how many there must be")
    parser.add_argument("--table", type=Path, help="where to write the table of verdicts")
    arguments = parser.parse_args()

    agents = json.loads(arguments.report.read_text())
    (cases,) = agents.values()
    table = table_of(cases, arguments.suite)
    if arguments.table:
        arguments.table.parent.mkdir(parents=True, exist_ok=True)
        arguments.table.write_text(table)
    sys.stdout.write(table)

    faults = faults_of(cases)
    if len(cases) != arguments.cases:
        faults.append(f"{len(cases)} cases were run, {arguments.cases} expected")
    for fault in faults:
        sys.stderr.write(f"autobahn: {fault}\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
