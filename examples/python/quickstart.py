"""A plan, an answer, a stream whose first provider fails, and the same through the OpenAI-shaped errors. No keys needed:
a script stands where the vendors' servers would. With keys in the environment, `python -m junto chat MODEL PROMPT` asks
for real."""

from junto import Junto, RateLimitError
from junto.testing import Script

script = Script(real_time=True)  # otherwise a script takes no time
client = Junto(transport=script, env=False, providers={name: {"api_key": "demo"} for name in ("openai", "anthropic", "groq")})
m = [{"role": "user", "content": "Why is the sky blue?"}]

print("The plan of a request, without sending anything:\n")
print(client.explain(model="openai/gpt-4o", models=["anthropic/claude-sonnet-4-5", "google/gemini-2.0-flash"], messages=m))

script.answer("Rayleigh scattering.", usage={"prompt_tokens": 14, "completion_tokens": 5, "total_tokens": 19})
r = client.chat.completions.create(model="openai/gpt-4o", messages=m)
print(f"\nAn answer: {r.choices[0].message.content}  ({r.model} via {r.provider}, ${r.usage.cost})")

print("\nA stream whose first provider is down: ", end="")
script.error(503, "overloaded", url="groq").stream(["Short ", "waves ", "scatter ", "more."], pause=0.05, url="openai")
for chunk in client.chat.completions.create(model="groq/llama-3.3-70b", models=["openai/gpt-4o"], messages=m, stream=True):
    for choice in chunk.choices:
        print(choice.delta.content or "", end="", flush=True)
print()
for attempt in chunk.routing.attempts:
    print(f"  {attempt.provider:<10} {attempt.status}  {attempt.error.message if attempt.error else 'served'}")

script.error(429, "slow down", retry_after=30)
try:
    client.with_options(max_retries=0).chat.completions.create(model="openai/gpt-4o", messages=m)
except RateLimitError as error:
    print(f"\nAn error: {type(error).__name__}: {error} (again in {error.retry_after:g} s)")
