"""CloudWatch metric math: expressions parsed, checked and evaluated, without I/O and without a clock.

`syntax.py` parses text to nodes, `functions.py` has the functions, `evaluation.py` types and evaluates nodes over one grid of
periods, `queries.py` reads the MetricDataQuery structures of GetMetricData, PutMetricAlarm and target tracking.

Source: CloudWatch user guide, "Using metric math" (awsdocs/amazon-cloudwatch-user-guide, doc_source/using-metric-math.md).
Where it is silent: A200 (missing values), A201 (differing periods), A202 (STDDEV). Functions that need what the local AWS does
not have (search, anomaly bands, Contributor Insights, service quotas) are rejected by name, where CloudWatch accepts them.
"""
