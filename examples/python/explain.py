"""Where a request would go, and why not elsewhere. Nobody is asked."""

import os

from junto import Junto

plan = Junto(seed=7).explain(
    model=os.environ.get("MODEL", "anthropic/claude-haiku-4-5"),
    models=["openai/gpt-4o"],
    messages=[{"role": "user", "content": "Why is the sky blue?"}],
    provider={"ignore": ["azure"]},
)
print(plan)
first = plan.candidates[0]
print(f"\nfirst {first.endpoint}, about ${first.estimated_cost}")
for rejection in plan.rejected[:3]:
    print(f"not {rejection.endpoint}: {rejection.code} ({rejection.message})")
