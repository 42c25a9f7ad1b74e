# AWS reserves the name of a deleted secret during its recovery window, so names have a random suffix.
resource "aws_secretsmanager_secret" "this" {
  for_each = var.secrets

  name_prefix             = "${var.name}/${each.key}-"
  description             = each.value.description
  recovery_window_in_days = var.recovery_days
}

resource "aws_secretsmanager_secret_version" "this" {
  for_each = var.secrets

  secret_id                = aws_secretsmanager_secret.this[each.key].id
  secret_string_wo         = var.values[each.key]
  secret_string_wo_version = each.value.version
}
