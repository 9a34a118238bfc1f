"""Starts the pack, as the Pulumi engine asks for it. What the rules are stands in guardrails/."""

from guardrails.pack import serve

serve()
