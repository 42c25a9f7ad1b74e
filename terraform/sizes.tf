# How large everything is, and when alarms sound.

variable "web" {
  description = "The web instances: their kind (arm64), image of the operating system, how many there are, and what adds and removes them (see modules/web)."
  type = object({
    instance_type = optional(string, "t4g.small")
    ami_id        = optional(string)
    capacity = optional(object({
      min     = optional(number, 2)
      desired = optional(number, 2)
      max     = optional(number, 6)
    }), {})
    scaling = optional(object({
      kind                = optional(string, "target")
      cpu                 = optional(number, 70)
      requests_per_target = optional(number)
      high                = optional(number, 70)
      low                 = optional(number, 30)
    }), {})
  })
  default = {}
}

variable "database" {
  description = "The database: engine (\"postgres\" or \"mysql\"), version, size, standby, storage in GiB, backups, and the snapshot to begin with (see modules/database)."
  type = object({
    engine                 = optional(string, "postgres")
    engine_version         = optional(string)
    instance_class         = optional(string, "db.t4g.small")
    multi_az               = optional(bool, true)
    storage                = optional(object({ initial = optional(number, 20), maximum = optional(number, 200) }), {})
    backup_retention_days  = optional(number, 14)
    password_rotation_days = optional(number, 30)
    performance_insights   = optional(bool, true)
    apply_immediately      = optional(bool, false)
    snapshot_identifier    = optional(string)
  })
  default = {}
}

variable "functions" {
  description = "Memory in MiB, timeout in seconds, messages at once, and copies at once of each function. Copies times connections must fit the database."
  type = object({
    annotate = optional(object({
      memory              = optional(number, 512)
      timeout             = optional(number, 150)
      batch_size          = optional(number, 2)
      maximum_concurrency = optional(number, 10)
    }), {})
    thumbnail = optional(object({
      memory              = optional(number, 512)
      timeout             = optional(number, 60)
      batch_size          = optional(number, 5)
      maximum_concurrency = optional(number, 10)
    }), {})
    anonymise = optional(object({
      memory              = optional(number, 1769)
      timeout             = optional(number, 120)
      batch_size          = optional(number, 2)
      maximum_concurrency = optional(number, 10)
    }), {})
  })
  default = {}
}

variable "function_telemetry" {
  description = "Where the functions send telemetry by OTLP, beside their traces in X-Ray: an address they reach, or the ARN of a layer that brings a collector along (then the address is http://localhost:4318)."
  type = object({
    endpoint  = optional(string, "http://localhost:4318")
    layer_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.function_telemetry == null || try(var.function_telemetry.layer_arn != null || !strcontains(var.function_telemetry.endpoint, "localhost"), false)
    error_message = "function_telemetry has a layer_arn, or an endpoint elsewhere; nothing listens on localhost without a layer."
  }
}

variable "alarms" {
  description = "Addresses that hear of alarms, the limits at which they sound (see modules/observability), and US dollars a month for the whole account."
  type = object({
    emails = optional(set(string), [])
    limits = optional(object({
      server_errors        = optional(number)
      function_errors      = optional(number)
      response_seconds     = optional(number)
      cpu_percent          = optional(number)
      message_age_seconds  = optional(number)
      database_connections = optional(number)
      database_storage_gib = optional(number)
    }), {})
    monthly_budget_usd = optional(number)
  })
  default = {}
}

variable "caption_price" {
  description = "US dollars for a million tokens that the provider of captions takes and gives, to estimate costs. The default is the list price of Gemini 3.5 Flash in 2026."
  type = object({
    input  = number
    output = number
  })
  default = { input = 1.5, output = 9 }
}
