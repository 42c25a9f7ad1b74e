output "arn_suffix" {
  description = "What CloudWatch calls the load balancer."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn_suffix" {
  description = "What CloudWatch calls the target group."
  value       = aws_lb_target_group.this.arn_suffix
}

output "target_group_arn" {
  description = "ARN of the target group for web instances."
  value       = aws_lb_target_group.this.arn

  # Instances are looked at only once a listener leads to them.
  depends_on = [aws_lb_listener.http, aws_lb_listener.https]
}

output "security_group_id" {
  description = "Id of the load balancer's security group."
  value       = aws_security_group.this.id
}

output "url" {
  description = "Address of the site, without a slash at the end."
  value       = "${local.tls ? "https" : "http"}://${local.host}"
}

output "dns_name" {
  description = "Name that AWS gave the load balancer."
  value       = aws_lb.this.dns_name
}
