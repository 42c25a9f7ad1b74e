output "url" {
  description = "URL of the site."
  value       = module.load_balancer.url
}

output "load_balancer_dns_name" {
  description = "DNS name of the load balancer, the target of a CNAME record of your own."
  value       = module.load_balancer.dns_name
}

output "admin_password_secret_arn" {
  description = "ARN of the secret with the admin password: aws secretsmanager get-secret-value --secret-id ARN."
  value       = local.secret_arns["admin-password"]
}

output "database_secret_arn" {
  description = "ARN of the secret with the user name and password of the database."
  value       = module.database.secret_arn
}

output "bucket" {
  description = "Name of the pictures bucket."
  value       = module.pictures.name
}

output "autoscaling_group" {
  description = "Name of the auto-scaling group of the web instances."
  value       = module.web.autoscaling_group
}

output "launch_template" {
  description = "Name and newest version of the launch template of the web instances, which make deploy rolls out."
  value       = module.web.launch_template
}

output "shell_access" {
  description = "How administrators open a shell on an instance."
  value       = var.shell_access
}

output "bastion_address" {
  description = "Public address of the bastion; null without one."
  value       = one(module.bastion[*].address)
}

output "queues" {
  description = "The queue and the dead-letter queue of each function."
  value = {
    for function, queue in module.queue : function => {
      url      = queue.url
      arn      = queue.arn
      dead_url = queue.dead_url
      dead_arn = queue.dead_arn
    }
  }
}

output "event_archive" {
  description = "Name of the archive that can replay upload events; null with SNS."
  value       = module.events.archive
}

output "log_groups" {
  description = "Names of the log groups of the web instances and of each function."
  value = merge(
    module.web.log_groups,
    { for name, function in module.function : name => function.log_group },
  )
}

output "dashboard" {
  description = "Name of the CloudWatch dashboard."
  value       = module.observability.dashboard
}

output "nat_addresses" {
  description = "Public source addresses of the web instances and functions, by zone."
  value       = module.network.nat_addresses
}
