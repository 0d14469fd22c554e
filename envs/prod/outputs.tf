output "async_endpoints" {
  description = "Endpoints by the name that commands use (async-endpoint invoke ENV/NAME)."
  value = {
    recommender = module.recommender.async_endpoint
  }
}
