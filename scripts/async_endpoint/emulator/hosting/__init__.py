"""SageMaker's hosting: endpoints as state machines over instances that really run the model.

service.py     the endpoints of one local AWS          endpoint.py   one endpoint's states and its loop
deployment.py  what a configuration says to run        lineup.py     its variants: live, incoming, retiring
preparation.py roles, images, archives checked         maker.py      variants made, ready to start instances
variant.py     one variant: share, fleet, metrics      fleet.py      instances towards a desired count
serverless.py  a fleet that follows its requests       instance.py   launch, start, serve, drain, stop
async_requests.py  a backlog, each to one outcome      queue.py      requests waiting, and their expiry
processing.py  one request, from input to outcome      real_time.py  one call, one answer, in time
role.py        every act on the customer's behalf, checked    site.py  what all of them share
notifications.py   the SNS messages                    metrics.py    what CloudWatch is told each minute
logs.py        container output in CloudWatch Logs     recent.py     a number as it was a moment ago
saved.py       what is kept across a stop              words.py      what AWS says of bad answers
quota.py       how many instances there may be
"""
