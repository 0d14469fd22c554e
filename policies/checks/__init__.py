"""Our own checks, loaded by checkov: every file of a folder that has this file. A check registers itself when it is made.

They read source and plans alike. What the source only refers to is a text such as `var.name` there, and a value in a plan.
"""
