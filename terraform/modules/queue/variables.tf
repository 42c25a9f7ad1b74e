variable "name" {
  description = "Name of the queue; its dead-letter queue has \"-dead\" appended."
  type        = string
}

variable "function_timeout" {
  description = "Seconds that the function may work on one batch."
  type        = number

  validation {
    condition     = var.function_timeout >= 1 && var.function_timeout <= 900
    error_message = "function_timeout is between 1 and 900 seconds."
  }
}

variable "batching_window" {
  description = "Seconds that messages are collected before the function gets them."
  type        = number
  default     = 0

  validation {
    condition     = var.batching_window >= 0 && var.batching_window <= 300
    error_message = "batching_window is between 0 and 300 seconds."
  }
}

variable "max_receive_count" {
  description = "Times that a message is tried before it goes to the dead-letter queue."
  type        = number
  default     = 5

  validation {
    condition     = var.max_receive_count >= 5 && var.max_receive_count <= 1000
    error_message = "max_receive_count is between 5 and 1000; with fewer, a function that is throttled for a moment would lose messages."
  }
}

variable "sender" {
  description = "The AWS service that fills the queue, and the ARN of its rule or topic."
  type = object({
    service    = string
    source_arn = string
  })

  validation {
    condition     = endswith(var.sender.service, ".amazonaws.com")
    error_message = "sender.service is a principal such as \"events.amazonaws.com\"."
  }
}
