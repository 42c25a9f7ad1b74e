variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "cidr" {
  description = "Addresses of the VPC."
  type        = string
  default     = "10.20.0.0/16"

  validation {
    condition     = can(cidrnetmask(var.cidr)) && try(tonumber(split("/", var.cidr)[1]) >= 16 && tonumber(split("/", var.cidr)[1]) <= 20, false)
    error_message = "cidr is an IPv4 range between /16 and /20, as in \"10.20.0.0/16\"."
  }
}

variable "zones" {
  description = "The three availability zones to use."
  type        = list(string)

  validation {
    condition     = length(var.zones) == 3 && length(distinct(var.zones)) == 3
    error_message = "zones names three different availability zones."
  }
}

variable "nat" {
  description = "Where NAT gateways stand: in each zone (\"per_zone\"), or one for all (\"single\"), which is cheaper and fails with its zone."
  type        = string
  default     = "per_zone"

  validation {
    condition     = contains(["per_zone", "single"], var.nat)
    error_message = "nat is \"per_zone\" or \"single\"."
  }
}

variable "interface_endpoints" {
  description = "AWS services to reach without the NAT gateways, each for a price by the hour and zone, as in [\"secretsmanager\", \"sqs\", \"logs\"]."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for service in var.interface_endpoints : can(regex("^[a-z0-9][a-z0-9.-]*$", service)) && service != "s3"])
    error_message = "interface_endpoints are short service names such as \"sqs\" or \"ecr.api\"; S3 has a gateway endpoint already."
  }
}

variable "flow_log_retention_days" {
  description = "Days that flow logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.flow_log_retention_days)
    error_message = "flow_log_retention_days is a number of days that CloudWatch Logs offers, such as 14, 30 or 365."
  }
}
