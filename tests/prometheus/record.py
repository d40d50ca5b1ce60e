"""Records what the Python package's own collector prints for `history.json`.

    pip install "rotapool[prometheus]==0.6.0" prometheus_client==0.26.0
    python record.py            # writes recorded/*.txt
    python record.py --check    # fails if they are not what the package prints

The clock is virtual and stands still except in `advance`. Its readings are fractions of powers of two, so
that what is left of a cooldown is exact. Only two picks never share an instant, as they never do with a
real clock: the package would take them for equally recent.
"""

import asyncio
import json
import pathlib
import sys
import warnings

from prometheus_client import CollectorRegistry, generate_latest
from rotapool import CooldownResource, DisableResource, Pool, PoolExhausted, Resource, RetryOperation
from rotapool.prometheus import PoolCollector

HERE = pathlib.Path(__file__).parent
START = 1024.0
TURNS = 200  # of the event loop: then nothing more happens at this instant


class Boom(Exception):
    """The operation's own error."""


class Clock:
    def __init__(self):
        self.time = START
        self.picks = 0
        self.sleepers = []

    def now(self):
        return self.time

    def now_of_a_pick(self):
        self.picks += 1
        return self.time + self.picks * 1e-9

    async def sleep(self, delay):
        if delay > 0:
            sleeper = (self.time + delay, asyncio.get_running_loop().create_future())
            self.sleepers.append(sleeper)
            await sleeper[1]

    def advance(self, seconds):
        self.time += seconds
        for when, future in sorted(self.sleepers, key=lambda sleeper: sleeper[0]):
            if when <= self.time and not future.done():
                future.set_result(None)
        self.sleepers = [sleeper for sleeper in self.sleepers if not sleeper[1].done()]


class RecordedPool(Pool):
    async def _acquire(self, request_id):
        self._now = self.clock.now_of_a_pick
        try:
            return await super()._acquire(request_id)
        finally:
            self._now = self.clock.now


class Run:
    def __init__(self, pool, step):
        self.plan = iter(step.get("attempts", []))
        self.gate = None
        options = {"retry_delay": 0} | step.get("options", {})
        if "deadline" in options:
            options["deadline"] += START
        self.task = asyncio.create_task(self.drive(pool, options))

    async def drive(self, pool, options):
        try:
            await pool.run(self.operation, **options)
        except (PoolExhausted, Boom):
            pass

    async def operation(self, resource):
        attempt = next(self.plan, {"then": "ok"})
        if attempt.get("hold"):
            self.gate = asyncio.get_running_loop().create_future()
            await self.gate
        match attempt["then"]:
            case "ok":
                return resource.value
            case "cooldown":
                raise CooldownResource(cooldown_seconds=attempt.get("seconds"))
            case "disable":
                raise DisableResource()
            case "retry":
                raise RetryOperation()
            case "error":
                raise Boom()


def build(spec, clock):
    pool = RecordedPool(
        resources=[Resource(r["id"], "value", max_in_flight=r["max_in_flight"]) for r in spec["resources"]],
        max_attempts=spec["max_attempts"],
        cooldown_table=tuple(spec["cooldown_table"]),
        strategy=spec["strategy"],
        cancel_siblings=spec["cancel_siblings"],
        probe_on_recovery=spec["probe_on_recovery"],
    )
    pool.clock, pool._now, pool._sleep = clock, clock.now, clock.sleep
    return pool


async def act(pool, runs, step):
    match step["do"]:
        case "start":
            runs[step["run"]] = Run(pool, step)
        case "release":
            runs[step["run"]].gate.set_result(None)
        case "cancel":
            runs[step["run"]].task.cancel()
        case "add":
            await pool.add(step["id"], "value", max_in_flight=step["max_in_flight"])
        case "remove" | "enable" | "disable":
            try:
                await getattr(pool, step["do"])(step["id"])
            except KeyError:
                pass  # an unknown id, on purpose


async def play(history):
    """Yields the name and the text of every scrape."""
    clock, registry = Clock(), CollectorRegistry()
    pools = {spec["name"]: build(spec, clock) for spec in history["pools"]}
    registry.register(PoolCollector(pools=pools))
    runs = {}
    for step in history["steps"]:
        if step["do"] == "scrape":
            yield step["as"], generate_latest(registry).decode()
        elif step["do"] == "advance":
            clock.advance(step["seconds"])
        else:
            await act(pools[step["pool"]], runs, step)
        for _ in range(TURNS):
            await asyncio.sleep(0)
    for run in runs.values():
        run.task.cancel()


async def main():
    history = json.loads((HERE / "history.json").read_text(encoding="utf-8"))
    pages = {f"{name}.txt": text async for name, text in play(history)}
    recorded = HERE / "recorded"
    if "--check" not in sys.argv:
        for old in recorded.glob("*.txt"):
            old.unlink()
        for name, text in pages.items():
            (recorded / name).write_bytes(text.encode())
        return
    there = {path.name: path.read_bytes().decode() for path in recorded.glob("*.txt")}
    wrong = sorted(name for name in there.keys() | pages.keys() if there.get(name) != pages.get(name))
    if wrong:
        sys.exit(f"not what the package prints: {', '.join(wrong)}")
    print(f"{len(pages)} pages are what the package prints")


warnings.simplefilter("ignore")
asyncio.run(main())
