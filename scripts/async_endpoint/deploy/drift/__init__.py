"""Drift: what is live and is neither what was applied nor what scaling and schedules change by design. Reads only.

rows.py         one difference as a row: what is live, what was expected, and what to do
plan.py         what a refreshing plan found, apart from configuration that has not been applied
additions.py    what was added and no apply removes, because Terraform has no argument for it here
environment.py  both sources, the plan and verification, for an environment
markdown.py     the report as an issue of GitHub
"""
