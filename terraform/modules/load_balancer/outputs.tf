output "arn_suffix" {
  description = "ARN suffix of the load balancer, its dimension in CloudWatch."
  value       = aws_lb.this.arn_suffix
}

output "target_group_arn_suffix" {
  description = "ARN suffix of the target group, its dimension in CloudWatch."
  value       = aws_lb_target_group.this.arn_suffix
}

output "target_group_arn" {
  description = "ARN of the target group for web instances."
  value       = aws_lb_target_group.this.arn

  # A target group has no health checks before a listener uses it.
  depends_on = [aws_lb_listener.http, aws_lb_listener.https]
}

output "security_group_id" {
  description = "ID of the security group of the load balancer."
  value       = aws_security_group.this.id
}

output "url" {
  description = "URL of the site, without a trailing slash."
  value       = "${local.tls ? "https" : "http"}://${local.host}"
}

output "dns_name" {
  description = "DNS name of the load balancer."
  value       = aws_lb.this.dns_name
}
