"""A language model behind an OpenAI-compatible server, and a pass over a dataset folder that asks it about every row.

Builds stay offline and decided by their seed; what is written here is an optional pass over a finished folder. What it
trusts of the replies is for the passes to decide: `rewriting` puts questions in other words, `teaching` has reasoning
written.
"""
