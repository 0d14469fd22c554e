"""What must hold for all Terraform here: checkov's own checks and those in checks/. `make policy` runs them."""
