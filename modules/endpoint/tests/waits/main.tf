output "steps" {
  value = local.steps
}

output "waiting_seconds" {
  value = local.waiting_seconds
}
