"""What is going on: a hook for every attempt, one for every call, and the log."""

import logging
import os

from junto import Junto
from junto.types import Attempt, Summary

logging.basicConfig(format="%(name)s: %(message)s")
logging.getLogger("junto").setLevel(logging.DEBUG)


def attempted(attempt: Attempt) -> None:
    print(f"attempt: {attempt.provider} {attempt.status} after {attempt.duration_ms} ms")


def ended(summary: Summary) -> None:
    print(f"call: {summary.requested} by {summary.endpoint}, {summary.duration_ms} ms")


client = Junto(on_attempt=attempted, on_response=ended)
answer = client.chat.completions.create(
    model=os.environ.get("MODEL", "anthropic/claude-haiku-4-5"), messages=[{"role": "user", "content": "Hello!"}]
)
print(answer.choices[0].message.content)
