variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "secrets" {
  description = "The secrets by name: what each is for, and the version of its value. A value is written when its version changes."
  type = map(object({
    description = string
    version     = number
  }))

  validation {
    condition     = alltrue([for secret in values(var.secrets) : secret.version >= 1 && floor(secret.version) == secret.version])
    error_message = "Versions are whole numbers from 1."
  }
}

variable "values" {
  description = "The values by name. They are handed through to AWS and kept neither in plans nor in the state."
  type        = map(string)
  ephemeral   = true
  sensitive   = true
}

variable "recovery_days" {
  description = "Days that a deleted secret can be brought back; 0 deletes at once."
  type        = number
  default     = 7

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days is 0, or between 7 and 30."
  }
}
