"""An image in a message: a URL, or the bytes themselves."""

import os

from junto import Junto

# One red pixel.
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="

answer = Junto().chat.completions.create(
    model=os.environ.get("MODEL", "anthropic/claude-haiku-4-5"),
    messages=[
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "Which colour is this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            ],
        }
    ],
)
print(answer.choices[0].message.content)
