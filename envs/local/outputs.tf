output "async_endpoints" {
  description = "Endpoints by the name that commands use (async-endpoint invoke ENV/NAME)."
  value = {
    language-detector = module.language_detector.async_endpoint
    recommender       = module.recommender.async_endpoint
  }
}
