# Sizes, and the thresholds of alarms.

variable "web" {
  description = "The web instances: instance type (arm64), AMI, capacity and scaling (see modules/web)."
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

  validation {
    condition     = 0.9 * local.database_connections - local.function_connections >= 3 * ceil(1.5 * var.web.capacity.max)
    error_message = "The database takes ${local.database_connections} connections, too few for the functions (${local.function_connections}) and ${var.web.capacity.max} web instances. Choose a larger database.instance_class, a smaller web.capacity.max, or a smaller maximum_concurrency in functions."
  }
}

variable "database" {
  description = "The database: engine (\"postgres\", or \"mysql\": Vitrine was run on MariaDB, never on MySQL), version, size, standby, storage in GiB, backups, and the snapshot to restore (see modules/database)."
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

# The functions, one for each program in functions/src/bin; every other list of them in this
# configuration follows from this map. checks/test_functions.py compares it with those programs.
locals {
  function_defaults = {
    annotate = {
      description     = "Writes captions"
      write_prefixes  = []
      calls_captioner = true
      memory          = 2048
      timeout         = 150
      batch_size      = 2
      # Of a provider four requests at once, which accounts without a history get answered.
      maximum_concurrency = var.captioner == "describe" ? 10 : 2
    }
    thumbnail = {
      description         = "Makes thumbnails"
      write_prefixes      = ["thumbnails/"]
      calls_captioner     = false
      memory              = 2048
      timeout             = 60
      batch_size          = 5
      maximum_concurrency = 10
    }
    anonymise = {
      description         = "Makes copies with anonymised faces"
      write_prefixes      = ["anonymised/"]
      calls_captioner     = false
      memory              = 2048
      timeout             = 120
      batch_size          = 2
      maximum_concurrency = 10
    }
  }
}

variable "functions" {
  description = "Sizes that differ from function_defaults, by function: memory in MiB, timeout in seconds, messages per batch, and concurrent executions. Executions times connections must fit the database."
  type = map(object({
    memory              = optional(number)
    timeout             = optional(number)
    batch_size          = optional(number)
    maximum_concurrency = optional(number)
  }))
  default = {}

  validation {
    condition     = length(setsubtract(keys(var.functions), keys(local.function_defaults))) == 0
    error_message = "The keys of functions must be among ${join(", ", keys(local.function_defaults))}."
  }
}

# Each function with its size.
locals {
  functions = {
    for name, default in local.function_defaults : name => merge(
      default,
      { for attribute, value in try(var.functions[name], {}) : attribute => value if value != null },
    )
  }
}

# Connections. RDS derives the limit from the memory of the class. A function has two and a web process its
# pool, and each tries one more for a changed password. A deploy adds half of the web instances.
locals {
  database_memory_gib  = lookup({ micro = 1, small = 2, medium = 4, large = 8 }, try(split(".", var.database.instance_class)[2], ""), 16)
  database_connections = floor(local.database_memory_gib * 1073741824 / (var.database.engine == "mysql" ? 12582880 : 9531392))
  function_connections = 3 * sum([for function in local.functions : function.maximum_concurrency])
}

variable "function_telemetry" {
  description = "OTLP endpoint for the telemetry of the functions, in addition to their X-Ray traces; or the ARN of a layer that contains a collector, which listens on http://localhost:4318."
  type = object({
    endpoint  = optional(string, "http://localhost:4318")
    layer_arn = optional(string)
  })
  default = null

  validation {
    condition     = var.function_telemetry == null || try(var.function_telemetry.layer_arn != null || !strcontains(var.function_telemetry.endpoint, "localhost"), false)
    error_message = "function_telemetry needs a layer_arn, or an endpoint that is not on localhost: without a layer, nothing listens there."
  }
}

variable "alarms" {
  description = "E-mail addresses for alarms, their thresholds (see modules/observability), and a monthly budget in US dollars for the whole account."
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
  description = "Price of a million input and output tokens of the caption provider in US dollars, for cost estimates. The default is the list price of Gemini 3.5 Flash in 2026: set it for another provider."
  type = object({
    input  = number
    output = number
  })
  default = { input = 1.5, output = 9 }
}
