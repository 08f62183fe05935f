"""Models, endpoints and prices of your own, instead of the built-in catalog."""

from junto import Junto
from junto.testing import Script


def endpoint(provider: str, prompt: float, completion: float) -> dict[str, object]:
    return {"provider": provider, "upstream": "m-1", "parameters": "chat", "price": {"prompt": prompt, "completion": completion}}


catalog = {
    "parameters": {"chat": ["temperature", "max_tokens"]},
    "models": [
        {"slug": "acme/m-1", "name": "M 1", "context": 32_000, "output": ["text"], "endpoints": [endpoint("east", 2, 8), endpoint("west", 1, 4)]}
    ],
}
rows = {name: {"api_key": "test", "base_url": f"https://{name}.test/v1"} for name in ("east", "west")}
script = Script().answer("Hi", usage={"prompt_tokens": 1_000, "completion_tokens": 500, "total_tokens": 1_500})

client = Junto(transport=script, env=False, catalog=catalog, providers=rows)
answer = client.chat.completions.create(model="acme/m-1:floor", messages=[{"role": "user", "content": "Hello!"}])
print(answer.provider, answer.usage.cost)  # west, at 1 and 4 dollars per million tokens
