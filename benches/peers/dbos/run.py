"""A peer for the benchmark: DBOS on PostgreSQL, a workflow of ten steps, each of which it keeps.

Argument: the database's address. Reads lines `workflows at-once`, answers each with `seconds CPU-seconds`.
"""

import sys
import time
from concurrent.futures import ThreadPoolExecutor

from dbos import DBOS

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
print("ready", flush=True)
for line in sys.stdin:
    count, at_once = map(int, line.split())
    with ThreadPoolExecutor(at_once) as pool:
        began, spent = time.monotonic(), time.process_time()
        list(pool.map(workflow, range(count)))
        print(time.monotonic() - began, time.process_time() - spent, flush=True)
DBOS.destroy()
