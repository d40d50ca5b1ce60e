"""The peers from Python, driven by the bench: `cargo run --release -p rotapool-failover -- --peers`.

    clients.py CLIENT URL KEYS DEADLINE GRACE

Reads the arrivals, in seconds, from the first line of its input, says `ready`, and begins when it is told
`go`. For each request it prints how late it began and how long it took, in seconds, and how it ended.
"""

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # nothing but loopback is asked

Serve = Callable[[float], Awaitable[object]]  # until this instant of time.monotonic()


def pool(url: str, keys: int) -> Serve:
    """The Python package, by its defaults; the operation is the one of the bench's `ours.rs`."""
    import httpx
    import rotapool

    members = [rotapool.Resource(resource_id=f"key-{n}", value=f"key-{n}") for n in range(keys)]
    keyring = rotapool.Pool(members)
    client = httpx.AsyncClient(base_url=url, timeout=None, limits=httpx.Limits(max_connections=None))

    async def operation(resource: rotapool.Resource[str]) -> None:
        try:
            headers = {"Authorization": f"Bearer {resource.value}"}
            response = await client.post("/chat/completions", headers=headers)
        except httpx.TransportError as error:
            raise rotapool.RetryOperation(str(error)) from error
        match response.status_code:
            case 200:
                return
            case 429:
                after = response.headers.get("Retry-After")
                raise rotapool.CooldownResource(float(after) if after else None, "429 from upstream")
            case 401:
                raise rotapool.DisableResource("key revoked")
            case 503:
                raise rotapool.RetryOperation("503 from upstream")
            case status:
                raise RuntimeError(f"upstream says {status}")

    return lambda until: keyring.run(operation, deadline=until)


def litellm_router(url: str, keys: int, **settings: object) -> Serve:
    """LiteLLM's router, by its defaults but for these settings."""
    import litellm

    litellm.suppress_debug_info = True
    deployments = [
        {
            "model_name": "m",
            # A model that LiteLLM knows: to look up one that it does not takes it a third longer.
            "litellm_params": {"model": "openai/gpt-4o-mini", "api_base": url, "api_key": f"key-{n}"},
            "model_info": {"id": f"key-{n}"},
        }
        for n in range(keys)
    ]
    router = litellm.Router(model_list=deployments, **settings)
    messages = [{"role": "user", "content": "well?"}]
    return lambda until: router.acompletion(
        model="m", messages=messages, timeout=until - time.monotonic()
    )


CLIENTS: dict[str, Callable[[str, int], Serve]] = {
    "rotapool": pool,
    "litellm": litellm_router,
    "litellm-least-busy": lambda url, keys: litellm_router(url, keys, routing_strategy="least-busy"),
}


async def request(serve: Serve, at: float, deadline: float, grace: float) -> None:
    await asyncio.sleep(max(0.0, at - time.monotonic()))
    late = time.monotonic() - at
    try:
        async with asyncio.timeout(at + deadline + grace - time.monotonic()):
            await serve(at + deadline)
        end = "served"
    except TimeoutError:
        # One from within counts as a failure only if the caller still listens.
        given_up = time.monotonic() >= at + deadline + grace
        end = "given-up" if given_up else "failed timeout"
    except Exception as error:  # whatever it is, the caller was not served
        end = f"failed {type(error).__name__}: {error}".splitlines()[0][:200]
    print(f"{late:.6f} {time.monotonic() - at:.6f} {end}", flush=True)


async def main() -> None:
    client, url, keys, deadline, grace = sys.argv[1:]
    arrivals = [float(at) for at in sys.stdin.readline().split()]
    # A client of its own warms up what loads at the first calls, with whichever key.
    warm_up = CLIENTS[client](url, int(keys))
    await asyncio.gather(*(warm_up(time.monotonic() + 60) for _ in range(10 * int(keys))))
    serve = CLIENTS[client](url, int(keys))
    print("ready", flush=True)
    sys.stdin.readline()
    start = time.monotonic()
    requests = [request(serve, start + at, float(deadline), float(grace)) for at in arrivals]
    await asyncio.gather(*requests)
    # No farewell: what the peers leave open complains when it is taken apart.
    os._exit(0)


asyncio.run(main())
