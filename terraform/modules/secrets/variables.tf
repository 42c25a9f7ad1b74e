variable "name" {
  description = "Prefix of all resource names."
  type        = string
}

variable "secrets" {
  description = "The secrets by name: description, and version of the value. A value is written when its version changes."
  type = map(object({
    description = string
    version     = number
  }))

  validation {
    condition     = alltrue([for secret in values(var.secrets) : secret.version >= 1 && floor(secret.version) == secret.version])
    error_message = "Versions must be positive integers."
  }
}

variable "values" {
  description = "The values by name. They are write-only: neither plans nor the state contain them."
  type        = map(string)
  ephemeral   = true
  sensitive   = true
}

variable "recovery_days" {
  description = "Recovery window of deleted secrets in days; 0 deletes at once."
  type        = number
  default     = 7

  validation {
    condition     = var.recovery_days == 0 || (var.recovery_days >= 7 && var.recovery_days <= 30)
    error_message = "recovery_days must be 0, or between 7 and 30."
  }
}
