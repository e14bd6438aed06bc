"""Compares a run of the conformance suite with the list of expected failures, strictly.

    judge.py RESULTS_DIR RUN_LOG EXPECTED_FAILURES

Stricter than the suite's own verdict: a broken SHOULD (WARNING) counts as a failure, scenarios that the suite runs "without scoring" count,
and a listed failure that passes, or was not run, fails too. So the list can only hold what is true today.
"""

import json
import re
import sys
from pathlib import Path

FAILED = {"FAILURE", "WARNING"}


def expected(path: Path) -> dict[str, str]:
    """Reads `scenario<TAB>reason` or `scenario:check-id<TAB>reason`; # starts a comment."""
    entries: dict[str, str] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, reason = line.partition("\t")
        if not reason.strip():
            sys.exit(f"{path.name}:{number}: no reason after the tab")
        if name in entries:
            sys.exit(f"{path.name}:{number}: {name} is listed twice")
        entries[name] = reason.strip()
    return entries


def results(folder: Path) -> dict[str, list[dict]]:
    """The checks of each scenario, from folders named server-SCENARIO-TIMESTAMP."""
    found: dict[str, list[dict]] = {}
    for file in folder.glob("server-*/checks.json"):
        name = re.fullmatch(r"server-(.+?)-\d{4}-\d\d-\d\dT.*", file.parent.name)
        if name:
            found.setdefault(name[1], []).extend(json.loads(file.read_text()))
    return found


def main() -> int:
    folder, log, listed = Path(sys.argv[1]), Path(sys.argv[2]), expected(Path(sys.argv[3]))
    ran = re.findall(r"^Running client scenario '([^']+)'", log.read_text(errors="replace"), re.MULTILINE)
    checks = results(folder)
    if not ran:
        print("FAIL no scenario was run")
        return 1

    bad = passed = noted = 0
    used: set[str] = set()
    for scenario in ran:
        if scenario not in checks:
            print(f"FAIL {scenario}: the suite wrote no result")
            bad += 1
            continue
        broken = [check for check in checks[scenario] if check["status"] in FAILED]
        passed += sum(check["status"] == "SUCCESS" for check in checks[scenario])
        noted += sum(check["status"] in {"INFO", "SKIPPED"} for check in checks[scenario])
        if not broken:
            continue
        if scenario in listed:
            used.add(scenario)
            print(f"expected {scenario}: {listed[scenario]}")
            continue
        for check in broken:
            name = f"{scenario}:{check['id']}"
            if name in listed:
                used.add(name)
                print(f"expected {name}: {listed[name]}")
                continue
            bad += 1
            print(f"FAIL {name} ({check['status']})")
            print(f"     {(check.get('errorMessage') or check.get('description') or '')[:600]}")

    for name in listed.keys() - used:
        bad += 1
        print(f"FAIL {name} is listed as an expected failure but passes, or did not run: take it off the list")
    print(f"{len(ran)} scenarios, {passed} checks passed, {noted} not applicable, {len(used)} expected failures, {bad} unexpected")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
