"""The embedded simulator's own tasks, beside those that mjlab brings."""
