variable "name" {
  description = "Name of the function."
  type        = string
}

variable "description" {
  description = "Description of the function."
  type        = string
}

variable "package" {
  description = "Path of the zip with the arm64 program, which is named bootstrap."
  type        = string

  validation {
    condition     = fileexists(var.package)
    error_message = "package does not exist. Run \"make functions\" to build the zips."
  }
}

variable "memory" {
  description = "Memory in MiB; 1769 MiB correspond to one vCPU."
  type        = number

  validation {
    condition     = var.memory >= 128 && var.memory <= 10240
    error_message = "memory must be between 128 and 10240 MiB."
  }
}

variable "timeout" {
  description = "Timeout of one invocation in seconds."
  type        = number

  validation {
    condition     = var.timeout >= 1 && var.timeout <= 900
    error_message = "timeout must be between 1 and 900 seconds."
  }
}

variable "batch_size" {
  description = "Maximum number of messages per invocation."
  type        = number

  validation {
    condition     = var.batch_size >= 1 && var.batch_size <= 10
    error_message = "batch_size must be between 1 and 10."
  }
}

variable "maximum_concurrency" {
  description = "Maximum number of concurrent executions. Each has its own database connections."
  type        = number

  validation {
    condition     = var.maximum_concurrency >= 2 && var.maximum_concurrency <= 1000
    error_message = "maximum_concurrency must be between 2 and 1000."
  }
}

variable "environment" {
  description = "Settings of Vitrine. Secrets are passed by ARN only."
  type        = map(string)

  validation {
    condition     = alltrue([for name, value in var.environment : !can(regex("(PASSWORD|API_KEY|SECRET)$", name)) && !can(regex("://[^/]*@", value))])
    error_message = "environment must not contain secrets; set the ARN of a Secrets Manager secret in the setting that ends with _SECRET_ARN."
  }
}

variable "secret_arns" {
  description = "ARNs of the secrets that the function can read."
  type        = list(string)
}

variable "queue_arn" {
  description = "ARN of the queue that invokes the function."
  type        = string
}

variable "bucket_arn" {
  description = "ARN of the pictures bucket."
  type        = string
}

variable "write_prefixes" {
  description = "Key prefixes of the renditions that the function writes."
  type        = set(string)

  validation {
    condition     = alltrue([for prefix in var.write_prefixes : endswith(prefix, "/") && prefix != "uploads/"])
    error_message = "write_prefixes must end with a slash, for example \"thumbnails/\", and not be \"uploads/\": such a function would trigger itself."
  }
}

variable "network" {
  description = "The VPC and subnets of the function, and the database it connects to."
  type = object({
    vpc_id                     = string
    subnet_ids                 = list(string)
    database_security_group_id = string
    database_port              = number
  })
}

variable "layers" {
  description = "ARNs of layers, for example one with a telemetry collector."
  type        = list(string)
  default     = []

  validation {
    condition     = length(var.layers) <= 5
    error_message = "layers must have at most five entries."
  }
}

variable "log_retention_days" {
  description = "Retention of logs in days."
  type        = number
  default     = 30
}
