"""A peer for the benchmark: a LangGraph of ten nodes with its SQLite checkpointer, each checkpoint on disk before the next node.

Argument: a folder for its data. It is asked as timing.py says.
"""

import itertools
import sqlite3
import sys
from pathlib import Path
from typing import TypedDict

from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

sys.path.append(str(Path(__file__).parent.parent))
import timing  # noqa: E402


class State(TypedDict):
    number: int


def step(state: State) -> State:
    return {"number": state["number"] + 1}


builder = StateGraph(State)
names = [f"step{place}" for place in range(10)]
for name in names:
    builder.add_node(name, step)
for before, after in itertools.pairwise([START, *names, END]):
    builder.add_edge(before, after)
connection = sqlite3.connect(f"{sys.argv[1]}/langgraph.db", check_same_thread=False)
saver = SqliteSaver(connection)
saver.setup()
# `setup` chooses the journal; without this a commit need not be on disk.
connection.execute("PRAGMA synchronous=FULL")
graph = builder.compile(checkpointer=saver)
threads = itertools.count()


def workflow(_: int) -> None:
    config = {"configurable": {"thread_id": str(next(threads))}}
    ended = graph.invoke({"number": 0}, config, durability="sync")
    assert ended["number"] == 10, ended


timing.answer(workflow)
