variable "image" {
  description = "The web image, by digest."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9.:/_-]+@sha256:[0-9a-f]{64}$", var.image))
    error_message = "image names a digest, as in \"123456789012.dkr.ecr.eu-west-1.amazonaws.com/vitrine@sha256:…\"; a tag could be something else tomorrow."
  }
}

variable "collector_image" {
  description = "Image of the OpenTelemetry collector, with the exporters of AWS."
  type        = string

  validation {
    condition     = can(regex("(:v?[0-9][^:@/]*|@sha256:[0-9a-f]{64})$", var.collector_image))
    error_message = "collector_image names a version or a digest."
  }
}

variable "environment" {
  description = "Settings of the web process. Secrets are named by their ARN, never given here."
  type        = map(string)

  validation {
    condition     = alltrue([for name, value in var.environment : !can(regex("(PASSWORD|API_KEY|SECRET)$", name)) && !can(regex("://[^/]*@", value))])
    error_message = "A secret does not belong in user data; give the ARN of one in Secrets Manager, in the setting that ends with _SECRET_ARN."
  }

  # The file knows no quotes: a line is a name, an equals sign and everything up to the end.
  validation {
    condition     = alltrue([for name, value in var.environment : can(regex("^[A-Z][A-Z0-9_]*$", name)) && !strcontains(value, "\n")])
    error_message = "Settings have names in capitals, and values of one line."
  }
}

variable "region" {
  description = "AWS region of the log groups."
  type        = string
}

variable "log_groups" {
  description = "Names of the log groups: of the web process, the collector, and the metrics."
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
