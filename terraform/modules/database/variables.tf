variable "name" {
  description = "Identifier of the instance, and prefix of related names."
  type        = string
}

variable "vpc_id" {
  description = "ID of the VPC."
  type        = string
}

variable "subnet_ids" {
  description = "IDs of the isolated subnets, in at least two zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids must have at least two subnets, in different zones."
  }
}

variable "clients" {
  description = "IDs of the security groups that can connect, by name of the client, for example { web = \"sg-…\" }."
  type        = map(string)
}

variable "engine" {
  description = "Database engine: \"postgres\" or \"mysql\"."
  type        = string
  default     = "postgres"

  validation {
    condition     = contains(["postgres", "mysql"], var.engine)
    error_message = "engine must be \"postgres\" or \"mysql\"."
  }
}

variable "engine_version" {
  description = "Version of the engine without the minor version, which AWS updates; null means PostgreSQL 17 or MySQL 8.4."
  type        = string
  default     = null

  validation {
    condition     = var.engine_version == null || can(regex(var.engine == "mysql" ? "^[0-9]+\\.[0-9]+$" : "^[0-9]+$", var.engine_version))
    error_message = "engine_version must look like \"17\" for PostgreSQL and \"8.4\" for MySQL."
  }
}

variable "instance_class" {
  description = "Instance class."
  type        = string
  default     = "db.t4g.small"

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "instance_class must start with \"db.\", for example \"db.t4g.small\"."
  }
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over if the instance fails."
  type        = bool
  default     = true
}

variable "storage" {
  description = "Initial storage in GiB, and the limit of storage autoscaling."
  type = object({
    initial = optional(number, 20)
    maximum = optional(number, 200)
  })
  default = {}

  # AWS requires a maximum that is at least 10 % above the initial storage.
  validation {
    condition     = var.storage.initial >= 20 && var.storage.maximum >= var.storage.initial * 1.1
    error_message = "storage.initial must be at least 20 GiB, and storage.maximum at least 10 % more."
  }
}

variable "backup_retention_days" {
  description = "Days of automatic backups with point-in-time recovery."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "backup_retention_days must be between 1 and 35; 0 would disable backups."
  }
}

variable "deletion_protection" {
  description = "Whether deletion protection is on."
  type        = bool
  default     = true
}

variable "password_rotation_days" {
  description = "Days between rotations of the master password."
  type        = number
  default     = 30

  validation {
    condition     = var.password_rotation_days >= 1 && var.password_rotation_days <= 1000
    error_message = "password_rotation_days must be between 1 and 1000."
  }
}

variable "performance_insights" {
  description = "Whether Performance Insights is on, with a retention of a week."
  type        = bool
  default     = true

  validation {
    condition     = !(var.performance_insights && var.engine == "mysql" && can(regex("^db\\.(t2|t3|t4g)\\.(micro|small)$", var.instance_class)))
    error_message = "Performance Insights does not support MySQL on instances smaller than medium: set performance_insights = false, or a larger instance_class."
  }
}

variable "apply_immediately" {
  description = "Whether changes are applied at once instead of in the maintenance window; some restart the database."
  type        = bool
  default     = false
}

variable "snapshot_identifier" {
  description = "Snapshot to restore when the instance is created; null creates an empty database."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Retention of logs in days."
  type        = number
  default     = 30
}
