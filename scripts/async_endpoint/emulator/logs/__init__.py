"""CloudWatch Logs beyond moto: filter patterns, metric filters, Logs Insights queries."""
