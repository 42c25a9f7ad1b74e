variable "name" {
  description = "Name of the deployment that this is for."
  type        = string
  default     = "vitrine"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name is 3 to 20 lower-case letters, digits and hyphens; it begins with a letter and ends without a hyphen, as in \"vitrine\"."
  }
}

variable "region" {
  description = "AWS region; null takes the one of the environment."
  type        = string
  default     = null
}

variable "images_kept" {
  description = "Images that the registry keeps, to go back to."
  type        = number
  default     = 20

  validation {
    condition     = var.images_kept >= 2
    error_message = "images_kept is 2 or more: the one that runs, and the one before."
  }
}

variable "force_destroy" {
  description = "Whether Terraform may delete the bucket with the states, and the registry with its images."
  type        = bool
  default     = false
}
