"""How peers in Python are asked: lines `workflows at-once`, each answered with `seconds CPU-seconds`."""

import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor


def answer(workflow: Callable[[int], None]) -> None:
    """Says that it is ready, and runs what is asked for until nobody asks any more."""
    print("ready", flush=True)
    for line in sys.stdin:
        count, at_once = map(int, line.split())
        with ThreadPoolExecutor(at_once) as pool:
            began, spent = time.monotonic(), time.process_time()
            list(pool.map(workflow, range(count)))
            print(time.monotonic() - began, time.process_time() - spent, flush=True)
