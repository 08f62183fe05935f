"""Your own tests without a network and without keys; `pytest` runs this file, and so does `python`."""

from junto import Junto
from junto.testing import Script


def summarize(client: Junto, text: str) -> str:
    """What is tested."""
    messages = [{"role": "system", "content": "Summarize in one sentence."}, {"role": "user", "content": text}]
    answer = client.chat.completions.create(model="groq/llama-3.3-70b", models=["openai/gpt-4o"], messages=messages, temperature=0)
    return answer.choices[0].message.content or ""


def test_summary_survives_an_outage() -> None:
    script = Script().error(503, "overloaded", url="groq").answer("A short sentence.", url="openai")
    client = Junto(transport=script, env=False, providers={name: {"api_key": "test"} for name in ("groq", "openai")})
    assert summarize(client, "A long text.") == "A short sentence."
    assert [request["body"]["temperature"] for request in script.requests] == [0, 0]
    assert script.remaining == 0


if __name__ == "__main__":
    test_summary_survives_an_outage()
    print("passed")
