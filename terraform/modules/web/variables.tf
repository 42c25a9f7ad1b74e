variable "name" {
  description = "Prefix of all resource names."
  type        = string
}

variable "tags" {
  description = "Tags for the instances and their volumes, which do not get the default tags of the provider."
  type        = map(string)
  default     = {}
}

variable "image" {
  description = "The web image by digest."
  type        = string
}

variable "environment" {
  description = "Settings of Vitrine. Secrets are passed by ARN only."
  type        = map(string)
}

variable "secret_arns" {
  description = "ARNs of the secrets that the web process can read."
  type        = list(string)
}

variable "bucket_arn" {
  description = "ARN of the pictures bucket."
  type        = string
}

variable "queue_arns" {
  description = "ARNs of the queues of the functions, for retries of steps."
  type        = list(string)
}

variable "network" {
  description = "The VPC and subnets of the instances, the security group of the load balancer, and the database."
  type = object({
    vpc_id                          = string
    subnet_ids                      = list(string)
    load_balancer_security_group_id = string
    database_security_group_id      = string
    database_port                   = number
  })

  validation {
    condition     = length(var.network.subnet_ids) >= 2
    error_message = "network.subnet_ids must have at least two private subnets, in different zones."
  }
}

variable "ssh" {
  description = "Access to port 22: IDs of the security groups of a bastion or an Instance Connect endpoint, by name, and the key pair; null closes the port."
  type = object({
    security_group_ids = map(string)
    key_name           = optional(string)
  })
  default = null
}

variable "session_manager" {
  description = "Whether Session Manager can open shells."
  type        = bool
  default     = false
}

variable "target_group" {
  description = "ARN of the target group, and the ARN suffixes of the target group and the load balancer."
  type = object({
    arn                      = string
    arn_suffix               = string
    load_balancer_arn_suffix = string
  })
}

variable "instance_type" {
  description = "Instance type with an arm64 processor."
  type        = string
  default     = "t4g.small"

  validation {
    condition     = can(regex("^([a-z]+[0-9]+g[a-z]*|a1|x2gd|im4gn|is4gen)\\.[a-z0-9]+$", var.instance_type))
    error_message = "instance_type must have a Graviton processor, for example \"t4g.small\" or \"m7g.large\": the image is built for arm64."
  }
}

variable "ami_id" {
  description = "AMI for arm64; null uses the newest Amazon Linux 2023."
  type        = string
  default     = null

  validation {
    condition     = var.ami_id == null || can(regex("^ami-[0-9a-f]+$", var.ami_id))
    error_message = "ami_id must look like \"ami-0123456789abcdef0\"."
  }
}

variable "capacity" {
  description = "Minimum, initial and maximum number of instances."
  type = object({
    min     = optional(number, 2)
    desired = optional(number, 2)
    max     = optional(number, 6)
  })
  default = {}

  validation {
    condition     = var.capacity.min >= 1 && var.capacity.min <= var.capacity.desired && var.capacity.desired <= var.capacity.max
    error_message = "capacity must satisfy 1 <= min <= desired <= max."
  }
}

variable "scaling" {
  description = <<-EOT
    Scaling of the instances. "target" is target tracking: of the average CPU load (cpu, in percent)
    and, if set, of requests_per_target (requests per minute and instance). "steps" is simple
    scaling: one more instance above high percent and one less below low percent, in 4 of 5 minutes.
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
    error_message = "scaling.kind must be \"target\" or \"steps\"."
  }

  validation {
    condition     = var.scaling.cpu > 0 && var.scaling.cpu <= 100 && 0 < var.scaling.low && var.scaling.low < var.scaling.high && var.scaling.high < 100
    error_message = "scaling.cpu must be a percentage, and 0 < low < high < 100."
  }

  validation {
    condition     = var.scaling.requests_per_target == null || try(var.scaling.kind == "target" && var.scaling.requests_per_target > 0, false)
    error_message = "scaling.requests_per_target must be a positive number of requests per minute, and needs kind = \"target\"."
  }
}

variable "log_retention_days" {
  description = "Retention of logs in days."
  type        = number
  default     = 30
}
