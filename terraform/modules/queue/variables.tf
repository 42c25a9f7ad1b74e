variable "name" {
  description = "Name of the queue; the name of its dead-letter queue ends with \"-dead\"."
  type        = string
}

variable "function_timeout" {
  description = "Timeout of the function in seconds."
  type        = number

  validation {
    condition     = var.function_timeout >= 1 && var.function_timeout <= 900
    error_message = "function_timeout must be between 1 and 900 seconds."
  }
}

variable "batching_window" {
  description = "Batching window of the event source mapping in seconds."
  type        = number
  default     = 0

  validation {
    condition     = var.batching_window >= 0 && var.batching_window <= 300
    error_message = "batching_window must be between 0 and 300 seconds."
  }
}

variable "max_receive_count" {
  description = "Number of receives before a message goes to the dead-letter queue."
  type        = number
  default     = 5

  validation {
    condition     = var.max_receive_count >= 5 && var.max_receive_count <= 1000
    error_message = "max_receive_count must be between 5 and 1000; with fewer, brief throttling would move messages to the dead-letter queue."
  }
}

variable "sender" {
  description = "The service principal that sends to the queue, and the ARN of its rule or topic."
  type = object({
    service    = string
    source_arn = string
  })

  validation {
    condition     = endswith(var.sender.service, ".amazonaws.com")
    error_message = "sender.service must be a service principal such as \"events.amazonaws.com\"."
  }
}
