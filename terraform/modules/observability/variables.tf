variable "name" {
  description = "Prefix of all resource names."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key of the topic."
  type        = string
}

variable "emails" {
  description = "E-mail addresses for alarms. AWS asks each for a confirmation."
  type        = set(string)
  default     = []
}

variable "web" {
  description = "Dimensions of the web instances and the load balancer in CloudWatch, and the namespace of Vitrine's own metrics."
  type = object({
    autoscaling_group        = string
    namespace                = string
    load_balancer_arn_suffix = string
    target_group_arn_suffix  = string
  })
}

variable "functions" {
  description = "The functions by key: name, log group, and names of the queue and the dead-letter queue."
  type = map(object({
    name       = string
    log_group  = string
    queue      = string
    dead_queue = string
  }))
}

variable "database" {
  description = "Identifier of the RDS instance."
  type        = string
}

variable "limits" {
  description = <<-EOT
    Thresholds of the alarms: errors of the site or of a function in five minutes, p95 of the
    response time in seconds, CPU load in percent over 15 minutes, age of the oldest message in
    seconds, connections to the database, and its free storage in GiB.
  EOT
  type = object({
    server_errors        = optional(number, 5)
    function_errors      = optional(number, 3)
    response_seconds     = optional(number, 2)
    cpu_percent          = optional(number, 90)
    message_age_seconds  = optional(number, 1800)
    database_connections = optional(number, 150)
    database_storage_gib = optional(number, 1)
  })
  default = {}

  validation {
    condition     = alltrue([for limit in values(var.limits) : limit > 0]) && var.limits.cpu_percent < 100
    error_message = "limits must be above 0, and cpu_percent below 100."
  }
}

variable "monthly_budget_usd" {
  description = "Monthly budget in US dollars for the whole account, with notifications at 80 % and at a forecast of 100 %; null creates no budget."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || try(var.monthly_budget_usd > 0, false)
    error_message = "monthly_budget_usd must be above 0, or null."
  }
}

variable "caption_price" {
  description = "Price of a million input and output tokens of the caption provider in US dollars, for the dashboard."
  type = object({
    input  = number
    output = number
  })

  validation {
    condition     = var.caption_price.input >= 0 && var.caption_price.output >= 0
    error_message = "caption_price must not be negative."
  }
}
