variable "name" {
  description = "Name of the function."
  type        = string
}

variable "description" {
  description = "What it does, for people."
  type        = string
}

variable "package" {
  description = "Path of the zip with the program, which is called bootstrap and made for arm64."
  type        = string

  validation {
    condition     = fileexists(var.package)
    error_message = "There is no such zip. \"make functions\" makes them all."
  }
}

variable "memory" {
  description = "Mebibytes of memory; 1769 are worth one processor."
  type        = number

  validation {
    condition     = var.memory >= 128 && var.memory <= 10240
    error_message = "memory is between 128 and 10240 MiB."
  }
}

variable "timeout" {
  description = "Seconds that the function may work on one batch."
  type        = number

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900
    error_message = "timeout is between 1 and 900 seconds."
  }
}

variable "batch" {
  description = "Messages that the function gets at once at most, and seconds that they are collected before."
  type = object({
    size   = optional(number, 5)
    window = optional(number, 0)
  })
  default = {}

  validation {
    condition     = var.batch.size >= 1 && var.batch.size <= (var.batch.window > 0 ? 10000 : 10) && var.batch.window >= 0 && var.batch.window <= 300
    error_message = "batch.size is between 1 and 10, or more with a window of up to 300 seconds."
  }
}

variable "maximum_concurrency" {
  description = "Copies of the function at once at most. Each holds connections to the database."
  type        = number

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "maximum_concurrency is between 2 and 1000."
  }
}

variable "environment" {
  description = "Settings of Vitrine. Secrets are named by their ARN, never given here."
  type        = map(string)

  validation {
    condition     = alltrue([for name, value in var.environment : !can(regex("(PASSWORD|API_KEY|SECRET)$", name)) && !can(regex("://[^/]*@", value))])
    error_message = "A secret does not belong in the environment; give the ARN of one in Secrets Manager, in the setting that ends with _SECRET_ARN."
  }
}

variable "secret_arns" {
  description = "ARNs of the secrets that it may read."
  type        = list(string)
}

variable "queue_arn" {
  description = "ARN of the queue that feeds it."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the bucket with the pictures."
  type        = string
}

variable "writes" {
  description = "Prefixes under which it stores what it makes."
  type        = set(string)

  validation {
    condition     = alltrue([for prefix in var.writes : endswith(prefix, "/") && prefix != "uploads/"])
    error_message = "writes are prefixes such as \"thumbnails/\"; a function that writes to uploads/ would start itself."
  }
}

variable "network" {
  description = "Where it runs, and the database it reaches from there."
  type = object({
    vpc_id                     = string
    subnet_ids                 = list(string)
    database_security_group_id = string
    database_port              = number
  })
}

variable "layers" {
  description = "ARNs of layers, such as the one with a collector for telemetry."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.layers) <= 5
    error_message = "A function has five layers at most."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}
