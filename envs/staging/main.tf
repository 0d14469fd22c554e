module "async_inference" {
  source = "../../modules/async-inference"

  environment   = var.environment
  name          = var.name
  access        = var.access
  endpoint      = var.endpoint
  guardrails    = var.guardrails
  logs          = var.logs
  model         = var.model
  network       = var.network
  monitoring    = var.monitoring
  notifications = var.notifications
  scaling       = var.scaling
  storage       = var.storage
}
