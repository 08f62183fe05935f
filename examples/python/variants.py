"""A suffix on the slug: `:floor` for the lowest price, `:nitro` for the highest throughput, `:thinking`, `:online`."""

from junto import Junto, parse_slug

client = Junto()
messages = [{"role": "user", "content": "Why is the sky blue?"}]

for model in ("anthropic/claude-haiku-4-5", "anthropic/claude-haiku-4-5:floor", "anthropic/claude-haiku-4-5:nitro"):
    first = client.explain(model=model, messages=messages).candidates[0]
    print(f"{model:<36} {parse_slug(model).sort} {first.endpoint} {first.estimated_cost}")

answer = client.chat.completions.create(model="anthropic/claude-haiku-4-5:floor", messages=messages)
print(answer.provider, answer.usage.cost)
