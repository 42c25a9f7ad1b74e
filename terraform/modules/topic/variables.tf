variable "name" {
  description = "Name of the topic."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the key that encrypts what waits in the topic; the publishers must be allowed to use it."
  type        = string
}

variable "publishers" {
  description = "AWS services that may publish, by principal, with the ARNs (with wildcards) for which they may. An empty list stands for a service that reaches topics of its own account only."
  type        = map(list(string))

  validation {
    condition     = length(var.publishers) > 0 && alltrue([for service in keys(var.publishers) : endswith(service, ".amazonaws.com")])
    error_message = "publishers are principals such as \"s3.amazonaws.com\"."
  }
}

variable "emails" {
  description = "Addresses that get every message. AWS asks each for a confirmation first."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for email in var.emails : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", email))])
    error_message = "emails are addresses such as \"ops@example.org\"."
  }
}
