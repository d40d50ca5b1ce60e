"""What a run of the Python package costs, for the README's comparison. Not part of CI.

    pip install rotapool==0.6.0
    python benches/python/compare.py [resources ...]

One task, an operation that is ready at once, the default strategy: the same as group `run` of
`cargo bench -p rotapool-benches`. Prints the median of the batches.
"""

import asyncio
import statistics
import sys
import time

import rotapool

SIZES = (3, 100, 1_000, 10_000)
SECONDS = 3.0  # a size, at most
BATCHES = 15


async def operation(resource: rotapool.Resource[int]) -> int:
    return resource.value


async def batch(pool: rotapool.Pool[int], runs: int) -> float:
    """Nanoseconds a run."""
    started = time.perf_counter_ns()
    for _ in range(runs):
        await pool.run(operation)
    return (time.perf_counter_ns() - started) / runs


async def measure(size: int) -> float:
    pool = rotapool.Pool([rotapool.Resource(resource_id=f"key-{n}", value=n) for n in range(size)])
    first = await batch(pool, 5)  # which warms up, too
    runs = max(1, int(SECONDS * 1e9 / BATCHES / first))
    return statistics.median([await batch(pool, runs) for _ in range(BATCHES)])


async def main() -> None:
    sizes = [int(argument) for argument in sys.argv[1:]] or SIZES
    print(f"rotapool {rotapool.__version__} on Python {sys.version.split()[0]}: ns a run of a ready operation")
    for size in sizes:
        print(f"{size:>10_} {await measure(size):>14,.0f}", flush=True)


asyncio.run(main())
