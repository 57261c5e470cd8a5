"""DBOS for Python on a file of SQLite, with the load in the same process. `driver/host.mjs` says how it and the driver talk.

    python dbos/host.py FILE

Orders are plain functions, each client a thread. The fan-out and the sleepers are coroutines: steps can run at once in no other
way, and a sleeper that is a function would hold a thread.
"""

import asyncio
import json
import os
import sqlite3
import sys
import threading
import time

from dbos import DBOS, SetWorkflowID

ORDER_STEPS = ["validate", "reserve", "charge", "fulfill", "notify"]
PARTS = [f"part{index}" for index in range(10)]
SLEEP_SECONDS = 3600
FILL = "0123456789abcdef0123456789abcdef"
REST_WITHIN_SECONDS = 60
SYNCHRONOUS = ["OFF", "NORMAL", "FULL", "EXTRA"]


def reference(step):
    return f"ref_{step}_{FILL[len(step) + 1:]}"


def input_of(id):
    return {"orderId": f"ord_{id}", "customerId": "cus_0123456789abcdef", "total": 4200, "currency": "EUR"}


def output(step):
    return {"status": "ok", "reference": reference(step), "amount": 4200, "currency": "EUR"}


@DBOS.step()
def run(step):
    return output(step)


@DBOS.step()
async def run_async(step):
    return output(step)


@DBOS.workflow()
def order(_order):
    for step in ORDER_STEPS:
        last = run(step)
    return last


@DBOS.workflow()
async def fan_out(_order):
    await run_async("split")
    await asyncio.gather(*(run_async(part) for part in PARTS))
    return await run_async("join")


@DBOS.workflow()
async def sleeper(_order):
    await DBOS.sleep_async(SLEEP_SECONDS)
    return output("woke")


class Host:
    def __init__(self, file):
        self.file = file
        self.loop = asyncio.new_event_loop()
        threading.Thread(target=self.loop.run_forever, daemon=True).start()
        self.one = {"order-5": self.order, "fan-out": self.fan_out, "sleepers": self.start_sleeper}

    def durability(self):
        connection = sqlite3.connect(self.file)
        (journal,) = connection.execute("pragma journal_mode").fetchone()
        (synchronous,) = connection.execute("pragma synchronous").fetchone()
        connection.close()
        return f"SQLite {sqlite3.sqlite_version}, its defaults: journal_mode={journal}, synchronous={SYNCHRONOUS[synchronous]}"

    def order(self, id):
        check(order(input_of(id)), "notify")

    def fan_out(self, id):
        check(asyncio.run_coroutine_threadsafe(fan_out(input_of(id)), self.loop).result(), "join")

    def start_sleeper(self, id):
        async def start():
            with SetWorkflowID(id):
                await DBOS.start_workflow_async(sleeper, input_of(id))

        asyncio.run_coroutine_threadsafe(start(), self.loop).result()

    def sleeping(self, count):
        connection = sqlite3.connect(f"file:{self.file}?mode=ro", uri=True, timeout=30)
        deadline = time.monotonic() + REST_WITHIN_SECONDS
        while True:
            query = "select count(*) from operation_outputs where function_name = 'DBOS.sleep'"
            (asleep,) = connection.execute(query).fetchone()
            if asleep == count:
                connection.close()
                return {"note": "each sleeper is a coroutine and a timer in the process"}
            if time.monotonic() > deadline:
                raise TimeoutError(f"{asleep} of {count} sleepers are recorded")
            time.sleep(0.2)

    def closed_loop(self, workload, inFlight, warm=0, seconds=120, count=None):
        """`inFlight` clients, each of which starts its next workflow when the last one has completed."""
        one, lock, run = self.one[workload], threading.Lock(), f"{time.time_ns() // 1_000_000:x}"
        sent, errors, completed = 0, [], []
        since = time.perf_counter()
        begin, end = since + warm, since + warm + seconds

        def client():
            nonlocal sent
            while time.perf_counter() < end and not errors:
                with lock:
                    if count is not None and sent >= count:
                        return
                    sent += 1
                    number = sent
                started = time.perf_counter()
                try:
                    one(f"{run}-{number:09}")
                except Exception as error:
                    errors.append(error)
                    return
                completed.append((time.perf_counter(), started))

        threads = [threading.Thread(target=client) for _ in range(inFlight)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]
        if count is not None:
            if len(completed) < count:
                raise TimeoutError(f"{len(completed)} of {count} workflows completed in time")
            begin, seconds = since, max(now for now, _ in completed) - since
        inside = [(now, started) for now, started in completed if count is not None or begin <= now <= end]
        return {"answered": len(completed), "seconds": seconds, "micros": [round((now - started) * 1e6) for now, started in inside]}


def check(found, step):
    if found.get("reference") != reference(step):
        raise ValueError(f"expected an output with {reference(step)}, found {found}")


def say(answer):
    print(json.dumps(answer), flush=True)


def main():
    file = sys.argv[1]
    DBOS(config={"name": "bench", "system_database_url": f"sqlite:///{file}", "log_level": "ERROR"})
    DBOS.launch()
    host = Host(file)
    say({"ready": True, "durability": host.durability()})
    for line in sys.stdin:
        question = json.loads(line)
        try:
            say(host.sleeping(question["sleeping"]) if "sleeping" in question else host.closed_loop(**question))
        except Exception as error:
            say({"error": f"{type(error).__name__}: {error}"})
    # Sleepers hold timers of an hour, and the file is deleted next: there is nothing to shut down in order.
    os._exit(0)


main()
