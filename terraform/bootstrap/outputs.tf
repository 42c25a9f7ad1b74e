output "state_bucket" {
  description = "Name of the bucket for Terraform's state."
  value       = module.state.name
}

output "repository_url" {
  description = "URL of the registry for the web image."
  value       = aws_ecr_repository.web.repository_url
}

output "region" {
  description = "Region of both."
  value       = data.aws_region.current.id
}
