"""Fails where a run of schemathesis left an operation without one good answer, so that nothing was tested of it but refusals.

    fuzz_reached.py ANSWERED_JSON OPENAPI_JSON SCHEMATHESIS_TOML

An accepted call (202) is no good answer yet. Operations that the settings leave out, or that the rules say cannot be reached, must be there and must not be reached.
"""

import json
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # before Python 3.11; schemathesis brings it there
    import tomli as tomllib


def main() -> int:
    told = json.loads(Path(sys.argv[1]).read_text())
    document = json.loads(Path(sys.argv[2]).read_text())
    settings = tomllib.loads(Path(sys.argv[3]).read_text())
    there = {operation["operationId"].split("__alias")[0] for item in document["paths"].values() for operation in item.values()}
    named = {one["include-operation-id"]: one.get("enabled", True) for one in settings.get("operations", [])}
    left_out = {name for name, enabled in named.items() if not enabled}
    good = {name for name, statuses in told["answered"].items() if any(status in {"200", "201", "204"} for status in statuses)}
    wrong = [f"{name}: no call was answered well, only {told['answered'].get(name)}" for name in sorted(there - good - left_out - told["unreached"].keys())]
    wrong += [f"{name}: is answered well; take it off the rules" for name in sorted(good & told["unreached"].keys())]
    wrong += [f"{name}: the settings name it and the document does not" for name in sorted(named.keys() - there)]
    for line in wrong:
        print(f"FAIL {line}")
    print(f"{len(good)} of {len(there)} operations were answered well, {len(left_out)} left out, {len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
