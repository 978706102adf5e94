"""Workflows of four steps that do nothing, each step recorded durably, so many at once."""

import asyncio
import json
import os
import sys
import tempfile
import time
from importlib.metadata import version

from dbos import DBOS

url, count, at_once = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
DBOS(config={"name": "bench", "system_database_url": url, "log_level": "ERROR", "run_admin_server": False})


@DBOS.step()
async def reserve(order):
    return order


@DBOS.step()
async def points(order):
    return order


@DBOS.step()
async def charge(order):
    return order


@DBOS.step()
async def confirm(order):
    return order


@DBOS.workflow()
async def place_order(order):
    await reserve(order)
    await points(order)
    await charge(order)
    await confirm(order)


def fdatasync_us():
    with tempfile.NamedTemporaryFile() as file:
        took = []
        for _ in range(50):
            file.write(b"x" * 512)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - began)
    return sorted(took)[25] * 1e6


async def one(order, gate, took):
    async with gate:
        began = time.perf_counter()
        await place_order(order)
        took.append((time.perf_counter() - began) * 1e3)


async def run(first, number, width):
    gate, took = asyncio.Semaphore(width), []
    began = time.perf_counter()
    await asyncio.gather(*(one(first + at, gate, took) for at in range(number)))
    return number / (time.perf_counter() - began), sorted(took)


async def main():
    DBOS.launch()
    await run(0, 50, 8)  # warm
    alone = (await run(50, 50, 1))[1]
    rate, took = await run(100, count, at_once)
    print(json.dumps({
        "case": "dbos-postgres-inprocess-4-noop", "version": version("dbos"), "sagas": count, "at_once": at_once,
        "sagas_per_s": round(rate, 1), "p50_ms": round(took[len(took) // 2], 2),
        "p99_ms": round(took[len(took) * 99 // 100], 2), "alone_p50_ms": round(alone[len(alone) // 2], 2),
        "fdatasync_us": round(fdatasync_us(), 1),
    }))
    DBOS.destroy()


asyncio.run(main())
