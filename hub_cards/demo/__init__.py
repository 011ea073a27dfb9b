"""A page on which a person asks a model about a video or a sample scene; the same folder runs as a Space."""
