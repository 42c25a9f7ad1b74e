variable "name" {
  description = "Prefix of all resource names."
  type        = string
}

variable "router" {
  description = "The service that routes upload events to the queues: \"eventbridge\" or \"sns\"."
  type        = string
  default     = "eventbridge"

  validation {
    condition     = contains(["eventbridge", "sns"], var.router)
    error_message = "router must be \"eventbridge\" or \"sns\"."
  }
}

variable "bucket" {
  description = "The pictures bucket."
  type = object({
    name = string
    arn  = string
  })
}

variable "queues" {
  description = "The queue and the dead-letter queue of each function."
  type = map(object({
    arn      = string
    dead_arn = string
  }))

  validation {
    condition     = length(var.queues) >= 1 && length(var.queues) <= 5
    error_message = "queues must have between one and five entries: an EventBridge rule has at most five targets."
  }
}

variable "notification_email" {
  description = "E-mail address that is notified of each upload; null sends no mail."
  type        = string
  default     = null
}

variable "gallery_url" {
  description = "URL of the gallery, for the e-mail."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key of the topics."
  type        = string
}
