"""Reasoning by a teacher: an optional pass over a finished dataset folder that has a model explain the answers.

The model sees the images of a question, the place from above, a table of the objects, and the computed answer (VST,
appendix C.1: prompting with a bird's-eye view). It trusts nothing that the server of `chat` replies: an explanation
that does not hold up is counted, and the composed reasoning stays.
"""
