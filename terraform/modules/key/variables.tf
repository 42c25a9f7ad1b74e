variable "name" {
  description = "Alias of the key, without the prefix alias/."
  type        = string
}

variable "services" {
  description = "Service principals that may use the key, for example \"cloudwatch.amazonaws.com\", and whether the service sends the condition key aws:SourceAccount. A condition on it would silently drop messages of services that do not send it."
  type = map(object({
    sends_source_account = bool
  }))

  validation {
    condition     = length(var.services) > 0 && alltrue([for service in keys(var.services) : endswith(service, ".amazonaws.com")])
    error_message = "services must be service principals such as \"cloudwatch.amazonaws.com\"."
  }
}
