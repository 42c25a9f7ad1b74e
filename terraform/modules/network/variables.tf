variable "name" {
  description = "Prefix of all resource names."
  type        = string
}

variable "cidr" {
  description = "CIDR block of the VPC."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr must be an IPv4 range between /16 and /20, for example \"10.20.0.0/16\"."
  }
}

variable "zones" {
  description = "The three availability zones."
  type        = list(string)

  validation {
    condition     = length(var.zones) == 3 && length(distinct(var.zones)) == 3
    error_message = "zones must be three different availability zones."
  }
}

variable "nat" {
  description = "NAT gateways: one in each zone (\"per_zone\"), or a \"single\" one, which is cheaper and fails with its zone."
  type        = string
  default     = "per_zone"

  validation {
    condition     = contains(["per_zone", "single"], var.nat)
    error_message = "nat must be \"per_zone\" or \"single\"."
  }
}

variable "interface_endpoints" {
  description = "AWS services that are reached through interface endpoints instead of the NAT gateways, at a price for each hour and zone, for example [\"secretsmanager\", \"sqs\", \"logs\"]."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9][a-z0-9.-]*$", service)) && service != "s3"])
    error_message = "interface_endpoints must be short service names such as \"sqs\" or \"ecr.api\"; S3 already has a gateway endpoint."
  }
}

variable "flow_log_retention_days" {
  description = "Retention of flow logs in days."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.flow_log_retention_days)
    error_message = "flow_log_retention_days must be a retention that CloudWatch Logs offers, for example 14, 30 or 365."
  }
}
