"""Faults put into the local AWS on purpose, each repeatable by its seed.

kinds.py   what can go wrong, with its options       reading.py     a fault as JSON, checked
active.py  one fault that is set: its draws          faults.py      all that are set, and what hosting asks of them
calls.py   which call of which service a request is  answers.py     throttled and broken, as each service says it
layer.py   requests that fail on their way in        deliveries.py  notifications lost, doubled, late, out of order
later.py   what is done at a later AWS time          admin.py       the same for people and tests, over HTTP
"""
