variable "name" {
  description = "Name of the deployment."
  type        = string
  default     = "vitrine"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name must have 3 to 20 lower-case letters, digits and hyphens, start with a letter and not end with a hyphen, for example \"vitrine\"."
  }
}

variable "region" {
  description = "AWS region; null uses the region of the environment."
  type        = string
  default     = null
}

variable "images_kept" {
  description = "Number of images that the registry keeps for rollbacks."
  type        = number
  default     = 20

  validation {
    condition     = var.images_kept >= 2
    error_message = "images_kept must be at least 2: the running image and the previous one."
  }
}

variable "force_destroy" {
  description = "Whether terraform destroy deletes the state bucket and the registry even if they are not empty."
  type        = bool
  default     = false
}
