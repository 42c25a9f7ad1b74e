# The secrets that the operator chooses.
locals {
  secrets = merge(
    { admin-password = "Admin password" },
    var.captioner == "describe" ? {} : { "${var.captioner}-api-key" = "API key of the caption provider" },
  )
  secret_values = {
    admin-password = var.admin_password
    gemini-api-key = var.gemini_api_key
    openai-api-key = var.openai_api_key
  }
  # Available after the values are written.
  secret_arns = { for name, version in aws_secretsmanager_secret_version.this : name => version.arn }
}

# AWS reserves the name of a deleted secret during its recovery window, so names have a random suffix.
resource "aws_secretsmanager_secret" "this" {
  for_each = local.secrets

  name_prefix             = "${local.name}/${each.key}-"
  description             = "${each.value} of ${local.name}"
  recovery_window_in_days = 7
}

# The values are write-only: neither plans nor the state contain them.
resource "aws_secretsmanager_secret_version" "this" {
  for_each = local.secrets

  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = local.secret_values[each.key]
  secret_string_wo_version = var.secret_versions[replace(each.key, "-", "_")]
}
