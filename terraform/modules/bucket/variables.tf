variable "name" {
  description = "Name of the bucket, unique in the world."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$", var.name))
    error_message = "name is 3 to 63 lower-case letters, digits and hyphens. Dots are left out, because they break TLS."
  }
}

variable "force_destroy" {
  description = "Whether Terraform may delete the bucket with everything in it."
  type        = bool
  default     = false
}

variable "noncurrent_days" {
  description = "Days that deleted and overwritten objects can still be brought back; after that they are gone."
  type        = number
  default     = 30

  validation {
    condition     = var.noncurrent_days >= 1
    error_message = "noncurrent_days is 1 or more."
  }
}

variable "expiration_days" {
  description = "Days after which objects are deleted; null keeps them."
  type        = number
  default     = null

  validation {
    condition     = var.expiration_days == null || try(var.expiration_days >= 1, false)
    error_message = "expiration_days is 1 or more, or null."
  }
}

variable "upload_origins" {
  description = "Web origins whose pages may upload straight into the bucket with a presigned URL, as in [\"https://photos.example.org\"]."
  type        = list(string)
  default     = []

  validation {
    condition     = alltrue([for origin in var.upload_origins : can(regex("^https?://[A-Za-z0-9.-]+(:[0-9]+)?$", origin))])
    error_message = "upload_origins are schemes and hosts without a path, as in \"https://photos.example.org\"."
  }
}

variable "log_bucket" {
  description = "Bucket for the log of every request; null keeps none."
  type        = string
  default     = null
}

variable "log_writers" {
  description = "AWS services that write their logs into this bucket, by what they log: the service, the prefix they write under, and the ARNs (with wildcards) for which they may. The load balancer says no ARN, but writes under a prefix with the number of the account only."
  type = map(object({
    service     = string
    prefix      = string
    source_arns = optional(list(string), [])
  }))
  default = {}

  validation {
    condition     = alltrue([for writer in values(var.log_writers) : endswith(writer.service, ".amazonaws.com") && endswith(writer.prefix, "/")])
    error_message = "A log writer has a service such as \"logging.s3.amazonaws.com\" and a prefix that ends with a slash."
  }

  validation {
    condition     = alltrue([for writer in values(var.log_writers) : length(writer.source_arns) > 0 || can(regex("/[0-9]{12}/$", writer.prefix))])
    error_message = "A log writer without source_arns has a prefix that ends with the number of the account; otherwise it could write for anybody."
  }
}
