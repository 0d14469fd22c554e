output "async_endpoints" {
  description = "What Python reads, by the name of the endpoint."
  value       = { echo = module.echo.async_endpoint }
}

output "url" {
  description = "URL of the API, and of its console page."
  value       = module.http_api.url
}
