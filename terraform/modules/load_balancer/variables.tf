variable "name" {
  description = "Name of the load balancer."
  type        = string
}

variable "vpc_id" {
  description = "ID of the VPC."
  type        = string
}

variable "subnet_ids" {
  description = "IDs of the public subnets, one in each zone."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must have at least two subnets, in different zones."
  }
}

variable "web_security_group_id" {
  description = "ID of the security group of the web instances."
  type        = string
}

variable "allowed_cidrs" {
  description = "IPv4 ranges that can reach the site."
  type        = set(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr))])
    error_message = "allowed_cidrs must be IPv4 ranges such as \"203.0.113.0/24\"."
  }
}

variable "certificate_arn" {
  description = "ARN of an ACM certificate in this region; null creates one for the domain, if there is one."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/", var.certificate_arn))
    error_message = "certificate_arn must look like \"arn:aws:acm:eu-west-1:123456789012:certificate/…\"."
  }
}

variable "domain" {
  description = "Domain name of the site, and the id of its Route 53 zone. Without a zone, the DNS record is managed elsewhere and certificate_arn is required."
  type = object({
    name    = string
    zone_id = optional(string)
  })
  default = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain.name))
    error_message = "domain.name must be a host name such as \"photos.example.org\"."
  }

  validation {
    condition     = try(var.domain.zone_id, null) != null || var.domain == null || var.certificate_arn != null
    error_message = "A domain without zone_id needs certificate_arn: without the zone, a new certificate cannot be validated."
  }
}

variable "log_bucket" {
  description = "Bucket for access logs, which have the prefix alb/."
  type        = string
}

variable "deletion_protection" {
  description = "Whether deletion protection is on."
  type        = bool
  default     = true
}

variable "rate_limit" {
  description = "Requests per client address in five minutes, above which AWS WAF blocks it; null creates no web ACL."
  type        = number
  default     = null

  validation {
    condition     = var.rate_limit == null || try(var.rate_limit >= 100 && var.rate_limit <= 2000000000, false)
    error_message = "rate_limit must be at least 100. A gallery page causes about 60 requests if its pictures are not loaded from S3."
  }
}

variable "log_retention_days" {
  description = "Retention of the AWS WAF logs in days."
  type        = number
  default     = 30
}
