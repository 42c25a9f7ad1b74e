variable "name" {
  description = "Name of the instance, and prefix of the names around it."
  type        = string
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
}

variable "subnet_ids" {
  description = "Ids of the isolated subnets, in at least two zones."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids needs two subnets or more, in different zones."
  }
}

variable "clients" {
  description = "Security groups that may connect, by what they are, as in { web = \"sg-…\" }."
  type        = map(string)
}

variable "engine" {
  description = "Database engine: \"postgres\" or \"mysql\"."
  type        = string
  default     = "postgres"

  validation {
    condition     = contains(["postgres", "mysql"], var.engine)
    error_message = "engine is \"postgres\" or \"mysql\"."
  }
}

variable "engine_version" {
  description = "Version of the engine without the last part, which AWS keeps up to date; null takes PostgreSQL 17 or MySQL 8.4."
  type        = string
  default     = null

  validation {
    condition     = var.engine_version == null || can(regex(var.engine == "mysql" ? "^[0-9]+\\.[0-9]+$" : "^[0-9]+$", var.engine_version))
    error_message = "engine_version is like \"17\" for PostgreSQL and like \"8.4\" for MySQL."
  }
}

variable "instance_class" {
  description = "Size of the instance."
  type        = string
  default     = "db.t4g.small"

  validation {
    condition     = startswith(var.instance_class, "db.")
    error_message = "instance_class begins with \"db.\", as in \"db.t4g.small\"."
  }
}

variable "multi_az" {
  description = "Whether a standby in another zone takes over when the instance fails."
  type        = bool
  default     = true
}

variable "storage" {
  description = "Gibibytes at the start, and up to which the storage grows by itself."
  type = object({
    initial = optional(number, 20)
    maximum = optional(number, 200)
  })
  default = {}

  # Below a tenth more, AWS refuses to let the storage grow.
  validation {
    condition     = var.storage.initial >= 20 && var.storage.maximum >= var.storage.initial * 1.1
    error_message = "storage.initial is 20 GiB or more, and storage.maximum at least a tenth more than that."
  }
}

variable "backup_retention_days" {
  description = "Days within which the database can be put back to any second."
  type        = number
  default     = 14

  validation {
    condition     = var.backup_retention_days >= 1 && var.backup_retention_days <= 35
    error_message = "backup_retention_days is between 1 and 35; 0 would mean no backups."
  }
}

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the instance."
  type        = bool
  default     = true
}

variable "password_rotation_days" {
  description = "Days after which AWS changes the master password."
  type        = number
  default     = 30

  validation {
    condition     = var.password_rotation_days >= 1 && var.password_rotation_days <= 1000
    error_message = "password_rotation_days is between 1 and 1000."
  }
}

variable "performance_insights" {
  description = "Whether AWS keeps a week of what the database waited for."
  type        = bool
  default     = true

  validation {
    condition     = !(var.performance_insights && var.engine == "mysql" && contains(["db.t4g.micro", "db.t4g.small", "db.t3.micro", "db.t3.small"], var.instance_class))
    error_message = "AWS has no performance insights for MySQL on instances smaller than medium: set performance_insights = false, or a larger instance_class."
  }
}

variable "apply_immediately" {
  description = "Whether changes take place at once and not in the maintenance window; some restart the database."
  type        = bool
  default     = false
}

variable "snapshot_identifier" {
  description = "Snapshot to begin with, to restore a backup; null begins empty."
  type        = string
  default     = null
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}
