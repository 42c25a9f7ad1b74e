output "url" {
  description = "Address of the site."
  value       = module.load_balancer.url
}

output "load_balancer_dns_name" {
  description = "Name that AWS gave the load balancer, for a name of yours that leads there."
  value       = module.load_balancer.dns_name
}

output "admin_password_secret_arn" {
  description = "ARN of the secret with the admin's password: aws secretsmanager get-secret-value --secret-id ARN."
  value       = module.secrets.arns["admin-password"]
}

output "database_secret_arn" {
  description = "ARN of the secret with the database's user name and password."
  value       = module.database.secret_arn
}

output "bucket" {
  description = "Name of the bucket with the pictures."
  value       = module.pictures.name
}

output "autoscaling_group" {
  description = "Name of the web instances' auto-scaling group."
  value       = module.web.autoscaling_group
}

output "shell_access" {
  description = "How to get a shell on an instance."
  value       = var.shell_access
}

output "bastion_address" {
  description = "Public address of the bastion; null without one."
  value       = one(module.bastion[*].address)
}

output "queues" {
  description = "The functions' queues and their dead letters, by function."
  value = {
    for what, queue in module.queue : what => {
      url      = queue.url
      arn      = queue.arn
      dead_url = queue.dead_url
      dead_arn = queue.dead_arn
    }
  }
}

output "event_archive" {
  description = "Name of the archive from which uploads can be replayed; null with SNS."
  value       = module.events.archive
}

output "log_groups" {
  description = "Names of the log groups: of the web process and of each function."
  value = merge(
    module.web.log_groups,
    { for what, function in module.function : what => function.log_group },
  )
}

output "dashboard" {
  description = "Name of the dashboard in CloudWatch."
  value       = module.observability.dashboard
}

output "nat_addresses" {
  description = "Public addresses from which web instances and functions call out, by zone."
  value       = module.network.nat_addresses
}
