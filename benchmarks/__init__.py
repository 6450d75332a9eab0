"""Measurements of the grader itself. Each command takes the paths of its data; none holds foreign data."""
