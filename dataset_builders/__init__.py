"""Scenes with known geometry become checkable questions, and questions become a dataset."""
