variable "name" {
  description = "Name of the topic."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key of the topic. The publishers need access to it."
  type        = string
}

variable "publishers" {
  description = "Service principals that may publish, with the source ARNs (with wildcards) they are limited to. An empty list sets no limit, for services that send no source ARN."
  type        = map(list(string))

  validation {
    condition     = length(var.publishers) > 0 && alltrue([for service in keys(var.publishers) : endswith(service, ".amazonaws.com")])
    error_message = "publishers must be service principals such as \"s3.amazonaws.com\"."
  }
}

variable "emails" {
  description = "E-mail addresses of subscribers. AWS asks each for a confirmation."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "emails must be addresses such as \"ops@example.org\"."
  }
}
