"""A tool: the model asks for it, the program runs it, the model answers."""

import json
import os

from junto import Junto

client = Junto()
model = os.environ.get("MODEL", "anthropic/claude-haiku-4-5")
parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
tools = [{"type": "function", "function": {"name": "get_weather", "description": "The weather in a city", "parameters": parameters}}]
messages = [{"role": "user", "content": "What is the weather in Oslo?"}]


def get_weather(city: str, **_: object) -> dict[str, object]:
    return {"city": city, "degrees": 21}


for _ in range(5):
    message = client.chat.completions.create(model=model, messages=messages, tools=tools).choices[0].message
    messages.append(message)  # as it is, reasoning and signatures included
    if not message.tool_calls:
        print(message.content)
        break
    for call in message.tool_calls:
        print(f"{call.function.name}({call.function.arguments})")
        result = get_weather(**json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": json.dumps(result)})
