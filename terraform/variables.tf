# What the deployment is made of. Sizes, and when alarms sound, are in sizes.tf.

variable "name" {
  description = "Prefix of every name."
  type        = string
  default     = "vitrine"

  validation {
    condition     = can(regex("^[a-z][a-z0-9-]{1,18}[a-z0-9]$", var.name))
    error_message = "name is 3 to 20 lower-case letters, digits and hyphens; it begins with a letter and ends without a hyphen, as in \"vitrine\"."
  }
}

variable "region" {
  description = "AWS region; null takes the one of the environment."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags for everything, beside Project and ManagedBy."
  type        = map(string)
  default     = {}
}

variable "image" {
  description = "The web image, by digest. make deploy builds, pushes and names it."
  type        = string
}

variable "collector_image" {
  description = "Image of the OpenTelemetry collector on the web instances, with the exporters of AWS."
  type        = string
  default     = "public.ecr.aws/aws-observability/aws-otel-collector:v0.45.1"
}

variable "functions_directory" {
  description = "Folder with the functions' zips, as make functions leaves it: annotate/bootstrap.zip and so on."
  type        = string
  default     = "../target/lambda"
}

# ---- Settings and secrets

variable "settings" {
  description = "Settings of Vitrine for the web process and the functions, as in { VITRINE_UPLOADS = \"anyone\" }. docs/settings.md lists them."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name in keys(var.settings) : can(regex("^(VITRINE|GEMINI|OPENAI|OTEL)_[A-Z0-9_]+$", name)) && !contains([
        "VITRINE_BIND", "VITRINE_DATA", "VITRINE_STORAGE", "VITRINE_WORKERS", "VITRINE_QUEUE", "VITRINE_MAX_RECEIVES",
        "VITRINE_CAPTIONER", "VITRINE_CAPTION_PRICE", "VITRINE_INSTANCE_ID", "OTEL_EXPORTER_OTLP_ENDPOINT",
      ], name)
    ])
    error_message = "settings holds settings of Vitrine that this configuration does not make itself."
  }
}

variable "captioner" {
  description = "Who writes captions: \"gemini\", or \"describe\", which works without AI and sends nothing anywhere."
  type        = string
  default     = "gemini"

  validation {
    condition     = contains(["gemini", "describe"], var.captioner)
    error_message = "captioner is \"gemini\" or \"describe\"."
  }
}

variable "gemini_api_key" {
  description = "Key for Gemini, needed at every plan and apply if captioner is \"gemini\". It is kept in Secrets Manager only, and written when its version in secret_versions rises."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.captioner != "gemini" || try(length(var.gemini_api_key) >= 8, false)
    error_message = "captioner \"gemini\" needs a key: set TF_VAR_gemini_api_key, or captioner = \"describe\"."
  }
}

variable "admin_password" {
  description = "Password of the admin, needed at every plan and apply. It is kept in Secrets Manager only, and written when its version in secret_versions rises."
  type        = string
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = length(var.admin_password) >= 12
    error_message = "admin_password has 12 characters or more."
  }
}

variable "secret_versions" {
  description = "Versions of the secrets that people choose. Raise one to have its value written anew."
  type = object({
    admin_password = optional(number, 1)
    gemini_api_key = optional(number, 1)
  })
  default = {}
}

# ---- Network and names

variable "network" {
  description = "Addresses of the VPC, its NAT gateways (\"per_zone\" or \"single\"), and AWS services to be reached without them."
  type = object({
    cidr                = optional(string, "10.20.0.0/16")
    nat                 = optional(string, "per_zone")
    interface_endpoints = optional(set(string), [])
  })
  default = {}
}

variable "allowed_cidrs" {
  description = "IPv4 ranges that may reach the site."
  type        = set(string)
  default     = ["0.0.0.0/0"]
}

variable "domain" {
  description = "Name of the site, and the id of the Route 53 zone that it is entered into; without a zone, it is entered elsewhere and needs certificate_arn. null leaves the site at the load balancer's name. With a domain or certificate_arn, it speaks HTTPS."
  type = object({
    name    = string
    zone_id = optional(string)
  })
  default = null
}

variable "certificate_arn" {
  description = "ARN of a certificate of your own in the same region; null takes one for the domain, or none."
  type        = string
  default     = null
}

variable "rate_limit" {
  description = "Requests of one address in five minutes, above which a firewall turns it away; null goes without a firewall."
  type        = number
  default     = null
}

variable "shell_access" {
  description = "How administrators get a shell on an instance: through a \"bastion\" by SSH, or without an open port through an \"instance_connect\" endpoint or \"session_manager\"; or not at all (\"none\")."
  type        = string
  default     = "bastion"

  validation {
    condition     = contains(["bastion", "instance_connect", "session_manager", "none"], var.shell_access)
    error_message = "shell_access is \"bastion\", \"instance_connect\", \"session_manager\" or \"none\"."
  }
}

variable "admin_cidrs" {
  description = "IPv4 ranges that may reach the bastion."
  type        = set(string)
  default     = []

  validation {
    condition     = var.shell_access != "bastion" || length(var.admin_cidrs) > 0
    error_message = "A bastion needs admin_cidrs, as in [\"203.0.113.7/32\"]; or choose another shell_access."
  }
}

variable "ssh_public_key" {
  description = "OpenSSH public key of the administrators, for the bastion and the instances behind it."
  type        = string
  default     = null

  validation {
    condition     = var.shell_access != "bastion" || var.ssh_public_key != null
    error_message = "A bastion needs ssh_public_key, the content of a file such as ~/.ssh/id_ed25519.pub; or choose another shell_access."
  }
}

# ---- Events

variable "event_router" {
  description = "Who carries the news of an upload to the functions: \"eventbridge\" or \"sns\"."
  type        = string
  default     = "eventbridge"

  validation {
    condition     = contains(["eventbridge", "sns"], var.event_router)
    error_message = "event_router is \"eventbridge\" or \"sns\"."
  }
}

variable "notification_email" {
  description = "Address that gets a mail for each upload; null sends none."
  type        = string
  default     = null
}

# ---- What is kept

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the database and the load balancer."
  type        = bool
  default     = true
}

variable "deleted_pictures_days" {
  description = "Days that pictures which people deleted can still be brought back from the bucket's versions; after that they are gone."
  type        = number
  default     = 30
}

variable "delete_pictures" {
  description = "Whether terraform destroy may delete the bucket with all pictures in it."
  type        = bool
  default     = false
}

variable "take_over_pictures" {
  description = "Whether the bucket with the pictures is there already, as make destroy leaves it. make deploy sees for itself."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731], var.log_retention_days)
    error_message = "log_retention_days is a number of days that CloudWatch Logs offers, such as 14, 30 or 365."
  }
}
