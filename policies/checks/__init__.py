"""Custom checks. checkov loads every file of a folder that contains this file; a check registers itself when it is created.

They read source and plans alike. A reference is a text such as `var.name` in the source, and a value in a plan.
"""
