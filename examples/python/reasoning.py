"""Reasoning: asked for by a suffix or a field, read beside the answer, and given back for the next turn."""

import os

from junto import Junto

client = Junto()
model = os.environ.get("MODEL", "anthropic/claude-haiku-4-5:thinking")
messages = [{"role": "user", "content": "Why is the sky blue?"}]

answer = client.chat.completions.create(model=model, messages=messages, max_tokens=4_000)
message = answer.choices[0].message
print(f"thought: {message.reasoning}")
print(f"said: {message.content}")
details = answer.usage.completion_tokens_details
print(f"reasoning tokens: {details.reasoning_tokens if details else 'not told'}")

# Signed blocks go back unmodified, so that the model goes on where it was.
messages += [message, {"role": "user", "content": "And at sunset?"}]
answer = client.chat.completions.create(model=model, messages=messages, reasoning={"effort": "low"}, max_tokens=4_000)
print(f"said: {answer.choices[0].message.content}")
