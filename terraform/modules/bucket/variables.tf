variable "name" {
  description = "Name of the bucket, globally unique."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 63 lower-case letters, digits and hyphens. Dots break TLS."
  }
}

variable "force_destroy" {
  description = "Whether Terraform deletes the bucket even if it is not empty."
  type        = bool
  default     = false
}

variable "noncurrent_days" {
  description = "Days that deleted and overwritten objects can be restored before they are deleted permanently."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days must be at least 1."
  }
}

variable "expiration_days" {
  description = "Days after which objects expire; null keeps them."
  type        = number
  default     = null

  validation {
    condition     = var.expiration_days == null || try(var.expiration_days >= 1, false)
    error_message = "expiration_days must be at least 1, or null."
  }
}

variable "log_bucket" {
  description = "Bucket for server access logs; null disables them."
  type        = string
  default     = null
}

variable "policy" {
  description = "Statements, as a policy document, besides the one that requires TLS; null adds none."
  type        = string
  default     = null
}
