"""A peer for the benchmark: DBOS on PostgreSQL, a workflow of ten steps, each of which it keeps.

Argument: the database's address. It is asked as timing.py says.
"""

import sys
from pathlib import Path

from dbos import DBOS

sys.path.append(str(Path(__file__).parent.parent))
import timing  # noqa: E402

DBOS(config={
    "name": "bench",
    "system_database_url": sys.argv[1],
    "run_admin_server": False,
    "log_level": "ERROR",
    "enable_otlp": False,
})


@DBOS.step()
def step(number: int) -> int:
    return number + 1


@DBOS.workflow()
def ten(number: int) -> int:
    for _ in range(10):
        number = step(number)
    return number


def workflow(_: int) -> None:
    ended = ten(0)
    assert ended == 10, ended


DBOS.launch()
timing.answer(workflow)
DBOS.destroy()
