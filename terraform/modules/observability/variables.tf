variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the key for topics."
  type        = string
}

variable "emails" {
  description = "Addresses that hear of alarms. AWS asks each for a confirmation first."
  type        = set(string)
  default     = []
}

variable "web" {
  description = "What CloudWatch calls the web instances and their load balancer."
  type = object({
    autoscaling_group        = string
    load_balancer_arn_suffix = string
    target_group_arn_suffix  = string
  })
}

variable "functions" {
  description = "The functions, by what they do: name, log group, and names of the queue and its dead letters."
  type = map(object({
    name       = string
    log_group  = string
    queue      = string
    dead_queue = string
  }))
}

variable "database" {
  description = "Name of the RDS instance."
  type        = string
}

variable "limits" {
  description = <<-EOT
    When an alarm sounds: errors of the site or of a function in five minutes, seconds that 95 of
    100 requests stay below, percent of CPU over a quarter of an hour, seconds that the oldest
    message waits, connections to the database, and gibibytes of its storage that are left.
  EOT
  type = object({
    server_errors        = optional(number, 5)
    function_errors      = optional(number, 3)
    response_seconds     = optional(number, 2)
    cpu_percent          = optional(number, 90)
    message_age_seconds  = optional(number, 1800)
    database_connections = optional(number, 150)
    database_storage_gib = optional(number, 2)
  })
  default = {}

  validation {
    condition     = alltrue([for limit in values(var.limits) : limit > 0]) && var.limits.cpu_percent < 100
    error_message = "limits are above 0, and cpu_percent is below 100."
  }
}

variable "monthly_budget_usd" {
  description = "US dollars a month for the whole account; a message comes at 80 % and when more than 100 % is to be expected. null sets no budget."
  type        = number
  default     = null

  validation {
    condition     = var.monthly_budget_usd == null || try(var.monthly_budget_usd > 0, false)
    error_message = "monthly_budget_usd is above 0, or null."
  }
}

variable "caption_price" {
  description = "US dollars for a million tokens that the provider of captions takes (input) and gives (output), for the dashboard."
  type = object({
    input  = number
    output = number
  })

  validation {
    condition     = var.caption_price.input >= 0 && var.caption_price.output >= 0
    error_message = "Prices are 0 or more."
  }
}
