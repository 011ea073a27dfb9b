"""Model-written language: an optional pass over a finished dataset folder that puts its questions in other words.

Builds stay offline and decided by their seed; this pass asks an OpenAI-compatible server, trusts nothing that it
replies, and leaves every answer as it was computed.
"""
