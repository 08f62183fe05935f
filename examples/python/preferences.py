"""Who may serve, and in which order: for every request of a client, and for a single one."""

import os

from junto import Junto, NoEndpointError

client = Junto(preferences={"data_collection": "deny", "ignore": ["azure"]})
messages = [{"role": "user", "content": "Why is the sky blue?"}]

answer = client.chat.completions.create(
    model=os.environ.get("MODEL", "openai/gpt-4o"),
    messages=messages,
    provider={"order": ["openai"], "allow_fallbacks": False, "max_price": {"prompt": 10, "completion": 40}},
)
print(answer.provider, answer.choices[0].message.content)

# Where no endpoint suits, the error says why, endpoint by endpoint.
try:
    client.chat.completions.create(model="openai/gpt-4o", messages=messages, provider={"max_price": {"prompt": 0.01}})
except NoEndpointError as error:
    print(error.code, [f"{rejection.endpoint}: {rejection.code}" for rejection in error.excluded_by])
