"""Who calls: the credentials of this local AWS, the signatures of requests, and the identity of their callers."""
