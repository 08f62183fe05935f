"""A model router inside your process.

    from junto import Junto

    client = Junto()
    r = client.chat.completions.create(model="openai/gpt-4o:floor", messages=[{"role": "user", "content": "Hello!"}])
    print(r.choices[0].message.content, r.usage.cost, r.routing.attempts)

`junto.errors` has what a call raises, `junto.types` what it returns, `junto.openai` runs the official SDK on junto,
`junto.testing` answers from a script in place of the network, `junto.settings` names the types of what a client is told.
"""

from . import errors, types
from ._client import AsyncJunto, AsyncStream, Junto, Stream, parse_slug
from ._native import __version__
from .errors import *  # noqa: F403  # the list is `errors.__all__`
from .plan import Plan

__all__ = ["AsyncJunto", "AsyncStream", "Junto", "Plan", "Stream", "__version__", "errors", "parse_slug", "types"]
__all__ += errors.__all__
