"""The official Python client, which tries nothing twice, against a gateway whose upstream misbehaves.

Usage: client.py BASE_URL TOKEN
"""

import asyncio
import sys

from openai import AsyncOpenAI

REQUESTS, AT_ONCE = 200, 10


async def ask(client: AsyncOpenAI, number: int) -> str:
    messages = [{"role": "user", "content": f"question {number} of {REQUESTS}"}]
    if number % 2:
        answer = await client.chat.completions.create(model="echo", messages=messages)
        return answer.choices[0].message.content
    stream = await client.chat.completions.create(model="echo", messages=messages, stream=True)
    return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


async def main(base_url: str, token: str) -> int:
    client = AsyncOpenAI(base_url=f"{base_url}/v1", api_key=token, max_retries=0)
    numbers = iter(range(REQUESTS))
    failures = []

    async def loop() -> None:
        for number in numbers:
            try:
                said = await ask(client, number)
                if said != f"question {number} of {REQUESTS}":
                    failures.append(f"{number}: {said!r}")
            except Exception as error:
                failures.append(f"{number}: {error!r}")

    await asyncio.gather(*(loop() for _ in range(AT_ONCE)))
    print(f"openai for Python: {REQUESTS - len(failures)} of {REQUESTS} served")
    print(*failures[:5], sep="\n", end="", file=sys.stderr)
    return min(len(failures), 1)


sys.exit(asyncio.run(main(*sys.argv[1:])))
