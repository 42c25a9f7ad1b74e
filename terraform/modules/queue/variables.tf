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
