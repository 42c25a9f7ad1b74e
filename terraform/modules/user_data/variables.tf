variable "image" {
  description = "The web image by digest."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image must be a digest, for example \"123456789012.dkr.ecr.eu-west-1.amazonaws.com/vitrine@sha256:…\": a tag can change."
  }
}

variable "collector_image" {
  description = "Image of the OpenTelemetry collector, with the AWS exporters."
  type        = string

  validation {
    condition     = can(regex("(:v?[0-9][^:@/]*|@sha256:[0-9a-f]{64})$", var.collector_image))
    error_message = "collector_image must have a version or a digest."
  }
}

variable "environment" {
  description = "Settings of the web process. Secrets are passed by ARN only."
  type        = map(string)

  validation {
    condition     = alltrue([for name, value in var.environment : !can(regex("(PASSWORD|API_KEY|SECRET)$", name)) && !can(regex("://[^/]*@", value))])
    error_message = "environment must not contain secrets; set the ARN of a Secrets Manager secret in the setting that ends with _SECRET_ARN."
  }

  # The format has no quoting: the value is everything after the first equals sign.
  validation {
    condition     = alltrue([for name, value in var.environment : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !strcontains(value, "\n")])
    error_message = "environment must have upper-case names and single-line values."
  }
}

variable "region" {
  description = "AWS region of the log groups."
  type        = string
}

variable "log_groups" {
  description = "Names of the log groups of the web process, the collector and the metrics."
  type = object({
    web       = string
    collector = string
    metrics   = string
  })
}

variable "namespace" {
  description = "CloudWatch namespace of the metrics."
  type        = string
}
