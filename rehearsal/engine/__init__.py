"""The local engine: runs the real program of a stack in process, without the Pulumi CLI and without credentials.

It stands in for the Pulumi engine and its providers while rehearsing. It honours what the SDK and the guardrails depend
on and deploys nothing; real deployments use the `pulumi` CLI.
"""
