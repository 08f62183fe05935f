"""A web server that streams: `pip install fastapi uvicorn`, then `uvicorn fastapi_server:app`.

Each visitor's request is a routed call, and a visitor who leaves closes the vendor's connection.
"""

import os
from typing import Any, AsyncIterator

from fastapi import FastAPI
from fastapi.responses import JSONResponse, StreamingResponse

from junto import AsyncJunto, AsyncStream, JuntoError

app = FastAPI()
client = AsyncJunto()


@app.exception_handler(JuntoError)
async def failed(_: Any, error: JuntoError) -> JSONResponse:
    return JSONResponse({"error": error.body}, status_code=error.status_code or 502)


@app.post("/chat")
async def chat(body: dict[str, str]) -> StreamingResponse:
    messages = [{"role": "user", "content": body["prompt"]}]
    model = os.environ.get("MODEL", "anthropic/claude-haiku-4-5")
    # Failures until the first content are answered with their status; what comes after is in the stream.
    stream = await client.chat.completions.create(model=model, messages=messages, stream=True)
    return StreamingResponse(pieces(stream), media_type="text/plain")


async def pieces(stream: AsyncStream) -> AsyncIterator[str]:
    async with stream:
        async for chunk in stream:
            for choice in chunk.choices:
                yield choice.delta.content or ""


if __name__ == "__main__":
    from fastapi.testclient import TestClient

    with TestClient(app).stream("POST", "/chat", json={"prompt": "Why is the sky blue?"}) as response:
        print(response.status_code, "".join(response.iter_text()))
