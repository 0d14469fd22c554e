"""Who may do what: the policies of callers and resources, the decision on a call, its enforcement and its recording."""
