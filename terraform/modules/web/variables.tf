variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "tags" {
  description = "Tags for the instances and their volumes, which the default tags of the provider do not reach."
  type        = map(string)
  default     = {}
}

variable "image" {
  description = "The web image, by digest."
  type        = string
}

variable "collector_image" {
  description = "Image of the OpenTelemetry collector, with the exporters of AWS."
  type        = string
}

variable "environment" {
  description = "Settings of Vitrine. Secrets are named by their ARN."
  type        = map(string)
}

variable "secret_arns" {
  description = "ARNs of the secrets that the web process may read."
  type        = list(string)
}

variable "bucket_arn" {
  description = "ARN of the bucket with the pictures."
  type        = string
}

variable "queue_arns" {
  description = "ARNs of the functions' queues, to which steps are sent that have to be done again."
  type        = list(string)
}

variable "network" {
  description = "Where the instances stand, who reaches them, and the database they reach."
  type = object({
    vpc_id                          = string
    subnet_ids                      = list(string)
    load_balancer_security_group_id = string
    database_security_group_id      = string
    database_port                   = number
  })

  validation {
    condition     = length(var.network.subnet_ids) >= 2
    error_message = "network.subnet_ids names private subnets in two zones or more."
  }
}

variable "ssh" {
  description = "Who reaches port 22: the security groups (by what they are) of a bastion or an Instance Connect endpoint, and the key pair; null leaves it closed."
  type = object({
    security_group_ids = map(string)
    key_name           = optional(string)
  })
  default = null
}

variable "session_manager" {
  description = "Whether Session Manager opens shells."
  type        = bool
  default     = false
}

variable "target_group" {
  description = "The load balancer's target group, and what CloudWatch calls the two."
  type = object({
    arn                      = string
    arn_suffix               = string
    load_balancer_arn_suffix = string
  })
}

variable "instance_type" {
  description = "Kind of the instances: one with an arm64 processor."
  type        = string
  default     = "t4g.small"

  validation {
    condition     = can(regex("^([a-z]+[0-9]+g[a-z]*|a1|x2gd|im4gn|is4gen)\\.[a-z0-9]+$", var.instance_type))
    error_message = "instance_type has a Graviton processor, as \"t4g.small\" and \"m7g.large\" have; the image is made for arm64."
  }
}

variable "ami_id" {
  description = "Image of the operating system for arm64; null takes the newest Amazon Linux 2023."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null || can(regex("^ami-[0-9a-f]+$", var.ami_id))
    error_message = "ami_id is like \"ami-0123456789abcdef0\"."
  }
}

variable "volume_gib" {
  description = "Gibibytes of disk of an instance; uploads pass through it."
  type        = number
  default     = 16

  validation {
    condition     = var.volume_gib >= 8
    error_message = "volume_gib is 8 or more, the size of the operating system's image."
  }
}

variable "capacity" {
  description = "How many instances there are: at least, at first, and at most."
  type = object({
    min     = optional(number, 2)
    desired = optional(number, 2)
    max     = optional(number, 6)
  })
  default = {}

  validation {
    condition     = var.capacity.min >= 1 && var.capacity.min <= var.capacity.desired && var.capacity.desired <= var.capacity.max
    error_message = "capacity has 1 <= min <= desired <= max."
  }
}

variable "scaling" {
  description = <<-EOT
    What adds and removes instances. "target" keeps the mean CPU at cpu percent, and each instance
    below requests_per_target requests a minute if that is set. "steps" is the classic pair: one
    instance more above high percent and one less below low percent, in 4 of 5 minutes.
  EOT
  type = object({
    kind                = optional(string, "target")
    cpu                 = optional(number, 70)
    requests_per_target = optional(number)
    high                = optional(number, 70)
    low                 = optional(number, 30)
  })
  default = {}

  validation {
    condition     = contains(["target", "steps"], var.scaling.kind)
    error_message = "scaling.kind is \"target\" or \"steps\"."
  }

  validation {
    condition     = var.scaling.cpu > 0 && var.scaling.cpu <= 100 && 0 < var.scaling.low && var.scaling.low < var.scaling.high && var.scaling.high < 100
    error_message = "scaling.cpu is a percentage, and 0 < low < high < 100."
  }

  validation {
    condition     = var.scaling.requests_per_target == null || try(var.scaling.kind == "target" && var.scaling.requests_per_target > 0, false)
    error_message = "scaling.requests_per_target is a number of requests a minute, and goes with kind \"target\"."
  }
}

variable "draining_seconds" {
  description = "Seconds that an instance lives on after it got its last request."
  type        = number
  default     = 90

  validation {
    condition     = var.draining_seconds >= 30 && var.draining_seconds <= 7200
    error_message = "draining_seconds is between 30 and 7200."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30
}
