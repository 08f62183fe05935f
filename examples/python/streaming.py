"""An answer as it is written: chunks, usage and routing on the last, and leaving early."""

import os

from junto import Junto

client = Junto()
model = os.environ.get("MODEL", "anthropic/claude-haiku-4-5")
messages = [{"role": "user", "content": "Why is the sky blue?"}]

for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
print(f"\n{chunk.usage.total_tokens} tokens, ${chunk.usage.cost:.6f}, from {chunk.routing.endpoint}")

# Leaving the loop closes the vendor's connection: nothing more is written, and nothing more is paid for.
for chunk in client.chat.completions.create(model=model, messages=messages, stream=True):
    print(f"first piece: {chunk.choices[0].delta.content!r}")
    break
