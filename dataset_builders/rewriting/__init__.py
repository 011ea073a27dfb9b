"""Model-written language: an optional pass over a finished dataset folder that puts its questions in other words.

It trusts nothing that the server of `chat` replies, and leaves every answer as it was computed.
"""
