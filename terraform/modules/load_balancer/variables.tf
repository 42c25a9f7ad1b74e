variable "name" {
  description = "Name of the load balancer."
  type        = string
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Ids of the public subnets, one in each zone."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "A load balancer stands in two zones or more."
  }
}

variable "web_security_group_id" {
  description = "Security group of the web instances."
  type        = string
}

variable "allowed_cidrs" {
  description = "IPv4 ranges that may reach the site."
  type        = set(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr))])
    error_message = "allowed_cidrs are IPv4 ranges such as \"203.0.113.0/24\"."
  }
}

variable "certificate_arn" {
  description = "ARN of a certificate in this region; null takes one for the domain, or none."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:[a-z-]+:acm:[a-z0-9-]+:[0-9]{12}:certificate/", var.certificate_arn))
    error_message = "certificate_arn is like \"arn:aws:acm:eu-west-1:123456789012:certificate/…\"."
  }
}

variable "domain" {
  description = "Name of the site, and the Route 53 zone that it is entered into. Without a zone, it is entered elsewhere, and needs certificate_arn."
  type = object({
    name    = string
    zone_id = optional(string)
  })
  default = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain.name))
    error_message = "domain.name is a host name such as \"photos.example.org\"."
  }

  validation {
    condition     = try(var.domain.zone_id, null) != null || var.domain == null || var.certificate_arn != null
    error_message = "A domain without zone_id needs certificate_arn: where the name is entered elsewhere, it cannot be proved for a certificate here."
  }
}

variable "idle_timeout" {
  description = "Seconds without a byte after which a connection is closed. Live updates send something every 15 seconds."
  type        = number
  default     = 120

  validation {
    condition     = var.idle_timeout >= 30 && var.idle_timeout <= 4000
    error_message = "idle_timeout is between 30 and 4000 seconds; with less, live updates would break."
  }
}

variable "draining_seconds" {
  description = "Seconds that requests may still take on an instance that leaves."
  type        = number
  default     = 30

  validation {
    condition     = var.draining_seconds >= 0 && var.draining_seconds <= 3600
    error_message = "draining_seconds is between 0 and 3600."
  }
}

variable "log_bucket" {
  description = "Bucket for the log of every request, which lies under alb/."
  type        = string
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the load balancer."
  type        = bool
  default     = true
}

variable "rate_limit" {
  description = "Requests of one address in five minutes, above which a firewall turns it away; null goes without a firewall."
  type        = number
  default     = null

  validation {
    condition     = var.rate_limit == null || try(var.rate_limit >= 100 && var.rate_limit <= 2000000000, false)
    error_message = "rate_limit is 100 or more. A gallery page with its pictures is some 60 requests, if the pictures do not come from S3."
  }
}

variable "log_retention_days" {
  description = "Days that the firewall's logs are kept."
  type        = number
  default     = 30
}
