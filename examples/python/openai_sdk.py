"""The official SDK in process: `pip install openai`. No socket lies between it and junto, and any slug works."""

import os

from junto.openai import OpenAI

client = OpenAI()
model = os.environ.get("MODEL", "anthropic/claude-haiku-4-5")
messages = [{"role": "user", "content": "Why is the sky blue?"}]

answer = client.chat.completions.create(model=model, messages=messages)
print(answer.choices[0].message.content)

for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
print()
