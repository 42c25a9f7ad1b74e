variable "name" {
  description = "Name of the topic."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key of the topic. The services need access to it."
  type        = string
}

variable "services" {
  description = "Service principals that may publish."
  type        = list(string)

  validation {
    condition     = length(var.services) > 0 && alltrue([for service in var.services : endswith(service, ".amazonaws.com")])
    error_message = "services must be service principals such as \"s3.amazonaws.com\"."
  }
}

variable "source_arns" {
  description = "ARNs (with wildcards) in this account on whose behalf they may publish. None sets no limit, for services that send no source ARN."
  type        = list(string)
  default     = []
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
