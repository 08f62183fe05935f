"""An answer that follows a JSON schema, whoever serves it."""

import json
import os

from junto import Junto

schema = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
answer = Junto().chat.completions.create(
    model=os.environ.get("MODEL", "openai/gpt-4o"),
    messages=[{"role": "user", "content": "Plan a short trip to a city in Norway."}],
    response_format={"type": "json_schema", "json_schema": {"name": "trip", "schema": schema, "strict": True}},
)
trip = json.loads(answer.choices[0].message.content)
print(f"{trip['days']} days in {trip['city']}")
