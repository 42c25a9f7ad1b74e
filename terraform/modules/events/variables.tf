variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "router" {
  description = "Who carries the news of an upload to the queues: \"eventbridge\" or \"sns\"."
  type        = string
  default     = "eventbridge"

  validation {
    condition     = contains(["eventbridge", "sns"], var.router)
    error_message = "router is \"eventbridge\" or \"sns\"."
  }
}

variable "bucket" {
  description = "The bucket with the pictures."
  type = object({
    name = string
    arn  = string
  })
}

variable "queues" {
  description = "The queues to fill, by function."
  type = map(object({
    arn      = string
    dead_arn = string
  }))

  validation {
    condition     = length(var.queues) >= 1 && length(var.queues) <= 5
    error_message = "A rule has between one and five targets."
  }
}

variable "archive_days" {
  description = "Days that events are kept for a replay; EventBridge only."
  type        = number
  default     = 14

  validation {
    condition     = var.archive_days >= 1
    error_message = "archive_days is 1 or more; 0 would keep events forever."
  }
}

variable "notification_email" {
  description = "Address that gets a mail for each upload; null sends none."
  type        = string
  default     = null
}

variable "gallery_url" {
  description = "Address of the gallery, for the mail."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the key for topics."
  type        = string
}
