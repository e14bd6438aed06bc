"""Puts vectors into sqlite-vec, in a partition each for the many and for the few, and searches both; tells how long that takes."""

import json
import pathlib
import sys
import time

import apsw
import sqlite_vec

SIZE = 384 * 4
BATCH = 500


def vectors(path):
    data = path.read_bytes()
    return [data[at : at + SIZE] for at in range(0, len(data), SIZE)]


def middle(database, part, questions):
    times = []
    for question in questions:
        began = time.perf_counter()
        found = list(database.execute(
            "SELECT rowid, distance FROM points WHERE vector MATCH ? AND k = 10 AND part = ?", (question, part)
        ))
        times.append(time.perf_counter() - began)
        assert len(found) == 10
    return sorted(times)[len(times) // 2] * 1000


def main():
    folder, scope = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    points, questions = vectors(folder / "points.f32"), vectors(folder / "questions.f32")
    database = apsw.Connection(str(folder / "peer.db"))
    database.enable_load_extension(True)
    database.load_extension(sqlite_vec.loadable_path())
    database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL")
    database.execute(
        "CREATE VIRTUAL TABLE points USING vec0(part INTEGER PARTITION KEY, vector FLOAT[384] distance_metric=cosine)"
    )
    many = len(points) - scope
    began = time.perf_counter()
    for batch in range(0, len(points), BATCH):
        with database:
            for at in range(batch, min(batch + BATCH, len(points))):
                database.execute("INSERT INTO points (rowid, part, vector) VALUES (?, ?, ?)", (at, int(at >= many), points[at]))
    took = time.perf_counter() - began
    told = {
        "perSecond": len(points) / took,
        "all": middle(database, 0, questions[:40]),
        "scope": middle(database, 1, questions),
    }
    print(json.dumps(told))


main()
