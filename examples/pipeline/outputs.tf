output "endpoint_names" {
  description = "Endpoints by how their containers are invoked: serial, one after the other, and direct, by TargetContainerHostname."
  value       = { for invocation, endpoint in module.endpoint : invocation => endpoint.name }
}
