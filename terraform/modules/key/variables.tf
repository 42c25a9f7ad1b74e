variable "name" {
  description = "Alias of the key."
  type        = string
}

variable "services" {
  description = "AWS services that encrypt with the key, as in \"cloudwatch.amazonaws.com\", each with whether it says on whose behalf. Asking those that do not would silently drop what they send."
  type = map(object({
    says_for_whom = bool
  }))

  validation {
    condition     = length(var.services) > 0 && alltrue([for service in keys(var.services) : endswith(service, ".amazonaws.com")])
    error_message = "services are principals such as \"cloudwatch.amazonaws.com\"."
  }
}
