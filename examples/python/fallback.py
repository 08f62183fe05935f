"""What happens when a provider is down, on a script instead of the network."""

from junto import Junto, RateLimitError
from junto.testing import Script

messages = [{"role": "user", "content": "Hello!"}]
script = Script()
client = Junto(transport=script, env=False, max_retries=0, providers={name: {"api_key": "test"} for name in ("groq", "openai")})

# Groq is down, so OpenAI serves; the answer says so.
script.error(503, "down", url="groq").answer("Hello!", url="openai")
answer = client.chat.completions.create(model="groq/llama-3.3-70b", models=["openai/gpt-4o"], messages=messages)
print(answer.choices[0].message.content)
for attempt in answer.routing.attempts:
    print(f"  {attempt.provider}: {attempt.status} {attempt.error.message if attempt.error else 'served'}")

# Everybody is busy: the error says who said what, and when to come again.
script.error(429, "slow down", retry_after=30, repeat=True)
try:
    client.chat.completions.create(model="openai/gpt-4o", messages=messages)
except RateLimitError as error:
    print(error, error.retry_after, [(attempt.provider, attempt.status) for attempt in error.attempts])
