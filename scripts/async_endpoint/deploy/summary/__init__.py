"""What a plan means for each endpoint, for people: settings, instances and monthly cost, before and after.

Values come from a short list of settings that hold no secrets. All else is named, and its values are not shown.
"""
