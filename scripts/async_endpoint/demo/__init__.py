"""The story `make demo` tells: the whole life of a request on the local AWS, checked at every step.

story.py     what is told, with the seconds since it began      scenes.py   the steps, in order
watching.py  an endpoint watched from outside, state by state
"""
