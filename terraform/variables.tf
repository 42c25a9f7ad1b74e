# The variables of the deployment, except sizes and alarm thresholds, which are in sizes.tf.

variable "name" {
  description = "Prefix of all resource names."
  type        = string
  default     = "vitrine"

  validation {
    condition     = can(regex("^[a-z](-?[a-z0-9])+$", var.name)) && length(var.name) >= 3 && length(var.name) <= 20 && !can(regex("^(default$|internal-|sg-|sthree|amzn-s3-demo)", var.name))
    error_message = "name must have 3 to 20 lower-case letters, digits and single hyphens between them, start with a letter, and not be a name that AWS reserves (default, internal-…, sg-…, sthree…, amzn-s3-demo…). An example is \"vitrine\"."
  }
}

variable "region" {
  description = "AWS region; null uses the region of the environment."
  type        = string
  default     = null
}

variable "tags" {
  description = "Tags for all resources, in addition to Project and ManagedBy."
  type        = map(string)
  default     = {}
}

variable "image" {
  description = "The web image by digest. make deploy builds and pushes it and sets this variable."
  type        = string
}

variable "functions_directory" {
  description = "Folder with the zips of the functions, the output of make functions: NAME/bootstrap.zip for each."
  type        = string
  default     = "../target/lambda"
}

# ---- Settings and secrets

variable "settings" {
  description = "Settings of Vitrine for the web process and the functions, for example { VITRINE_UPLOADS = \"anyone\" }. docs/settings.md lists them."
  type        = map(string)
  default     = {}

  validation {
    condition = alltrue([
      for name in keys(var.settings) : can(regex("^(VITRINE|GEMINI|OPENAI|OTEL)_[A-Z0-9_]+$", name)) && !contains([
        "VITRINE_BIND", "VITRINE_DATA", "VITRINE_STORAGE", "VITRINE_WORKERS", "VITRINE_QUEUE", "VITRINE_MAX_RECEIVES",
        "VITRINE_CAPTIONER", "VITRINE_CAPTION_PRICE", "OPENAI_BASE_URL", "OPENAI_MODEL", "VITRINE_INSTANCE_ID", "VITRINE_TRUSTED_PROXIES", "OTEL_EXPORTER_OTLP_ENDPOINT",
      ], name)
    ])
    error_message = "settings must be settings of Vitrine (VITRINE_…, GEMINI_…, OPENAI_…, OTEL_…) that this configuration does not set itself."
  }

  # Of 75 % of the memory, seven eighths are for pictures (docs/decisions/0027). Copies take 100 MiB and up to
  # 12 bytes a pixel, a PNG 4. A rare picture that takes more (AVIF and HEIC in one piece) is refused.
  validation {
    condition = alltrue([
      for name, function in local.functions :
      0.75 * 7 / 8 * function.memory - 100 >= tonumber(lookup(var.settings, "VITRINE_MAX_MEGAPIXELS", "100")) * 12000000 / 1048576
    ])
    error_message = "A picture with VITRINE_MAX_MEGAPIXELS does not fit the memory of each function. Lower it in settings, or raise memory in functions."
  }
}

variable "captioner" {
  description = "Caption provider: \"gemini\", \"openai\" (any server with that API), or \"describe\", which works without AI and sends no data."
  type        = string
  default     = "gemini"

  validation {
    condition     = contains(["gemini", "openai", "describe"], var.captioner)
    error_message = "captioner must be \"gemini\", \"openai\" or \"describe\"."
  }
}

variable "gemini_api_key" {
  description = "Gemini API key, required at every plan and apply if captioner is \"gemini\". It is stored in Secrets Manager only, and written when its version in secret_versions changes."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.captioner != "gemini" || try(length(var.gemini_api_key) >= 8, false)
    error_message = "captioner = \"gemini\" needs a key: set TF_VAR_gemini_api_key, or captioner = \"describe\"."
  }
}

variable "openai" {
  description = "Server with OpenAI's chat completions API: the address before /chat/completions, and a model that accepts pictures."
  type = object({
    base_url = string
    model    = string
  })
  default = null

  validation {
    condition     = var.captioner != "openai" || try(startswith(var.openai.base_url, "https://") && var.openai.model != "", false)
    error_message = "captioner = \"openai\" needs openai = { base_url = \"https://…/v1\", model = \"…\" }. Pictures are sent there, so the address has to begin with https://."
  }
}

variable "openai_api_key" {
  description = "Key for that server, required at every plan and apply if captioner is \"openai\". It is stored in the same way."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = var.captioner != "openai" || try(length(var.openai_api_key) >= 1, false)
    error_message = "captioner = \"openai\" needs a key: set TF_VAR_openai_api_key. For a server without one, any text does."
  }
}

variable "admin_password" {
  description = "Admin password, required at every plan and apply. It is stored in Secrets Manager only, and written when its version in secret_versions changes."
  type        = string
  ephemeral   = true
  sensitive   = true

  validation {
    condition     = length(var.admin_password) >= 12
    error_message = "admin_password must have at least 12 characters."
  }
}

variable "secret_versions" {
  description = "Versions of the secrets that the operator chooses. Increase one to write a new value."
  type = object({
    admin_password = optional(number, 1)
    gemini_api_key = optional(number, 1)
    openai_api_key = optional(number, 1)
  })
  default = {}

  validation {
    condition     = alltrue([for version in values(var.secret_versions) : version >= 1 && floor(version) == version])
    error_message = "secret_versions must be positive integers."
  }
}

# ---- Network, DNS and shells

variable "network" {
  description = "CIDR block of the VPC, its NAT gateways (\"per_zone\" or \"single\"), and AWS services that are reached through interface endpoints instead."
  type = object({
    cidr                = optional(string, "10.20.0.0/16")
    nat                 = optional(string, "per_zone")
    interface_endpoints = optional(set(string), [])
  })
  default = {}
}

variable "zones" {
  description = "The three availability zones; null uses the first three by name. A later change moves the network, with everything in it."
  type        = list(string)
  default     = null
}

variable "allowed_cidrs" {
  description = "IPv4 ranges that can reach the site."
  type        = set(string)
  default     = ["0.0.0.0/0"]
}

variable "domain" {
  description = "Domain name of the site, and the id of its Route 53 zone; without a zone, the DNS record is managed elsewhere and certificate_arn is required. null keeps the DNS name of the load balancer. With a domain or certificate_arn, the site uses HTTPS."
  type = object({
    name    = string
    zone_id = optional(string)
  })
  default = null
}

variable "certificate_arn" {
  description = "ARN of an existing ACM certificate in the same region; null creates one for the domain, if there is one."
  type        = string
  default     = null
}

variable "rate_limit" {
  description = "Requests per client address in five minutes, above which AWS WAF blocks it; null creates no web ACL."
  type        = number
  default     = null
}

variable "shell_access" {
  description = "How administrators open a shell on an instance: \"bastion\" (SSH), \"instance_connect\" or \"session_manager\" (both without an open port), or \"none\"."
  type        = string
  default     = "bastion"

  validation {
    condition     = contains(["bastion", "instance_connect", "session_manager", "none"], var.shell_access)
    error_message = "shell_access must be \"bastion\", \"instance_connect\", \"session_manager\" or \"none\"."
  }
}

variable "admin_cidrs" {
  description = "IPv4 ranges that can reach the bastion."
  type        = set(string)
  default     = []

  validation {
    condition     = var.shell_access != "bastion" || length(var.admin_cidrs) > 0
    error_message = "shell_access = \"bastion\" needs admin_cidrs, for example [\"203.0.113.7/32\"]."
  }
}

variable "ssh_public_key" {
  description = "OpenSSH public key of the administrators, for the bastion and the web instances."
  type        = string
  default     = null

  validation {
    condition     = var.shell_access != "bastion" || var.ssh_public_key != null
    error_message = "shell_access = \"bastion\" needs ssh_public_key, the content of a file such as ~/.ssh/id_ed25519.pub."
  }
}

# ---- Events

variable "event_router" {
  description = "The service that routes upload events to the functions: \"eventbridge\" or \"sns\"."
  type        = string
  default     = "eventbridge"
}

variable "notification_email" {
  description = "E-mail address that is notified of each upload; null sends no mail."
  type        = string
  default     = null
}

# ---- Retention and deletion

variable "deletion_protection" {
  description = "Whether AWS refuses to delete the database and the load balancer."
  type        = bool
  default     = true
}

variable "deleted_pictures_days" {
  description = "Days that versions of objects are kept after they were overwritten or deleted by hand. Vitrine itself deletes them at once."
  type        = number
  default     = 30
}

variable "delete_pictures" {
  description = "Whether terraform destroy deletes the pictures bucket with all pictures."
  type        = bool
  default     = false
}

variable "take_over_pictures" {
  description = "Whether to import an existing pictures bucket, as make destroy leaves it. make deploy sets this variable."
  type        = bool
  default     = false
}

variable "log_retention_days" {
  description = "Retention of logs in days."
  type        = number
  default     = 30
}
