mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name    = "vitrine"
  secrets = { gemini = { description = "Key for Gemini", version = 3 } }
  values  = { gemini = "the-value" }
}

run "values_are_write_only" {
  assert {
    condition     = aws_secretsmanager_secret_version.this["gemini"].secret_string == null || aws_secretsmanager_secret_version.this["gemini"].secret_string == ""
    error_message = "The value is in the state."
  }

  assert {
    condition     = aws_secretsmanager_secret_version.this["gemini"].secret_string_wo_version == 3 && aws_secretsmanager_secret_version.this["gemini"].secret_id == aws_secretsmanager_secret.this["gemini"].id
    error_message = "The version or the secret of the value is wrong."
  }
}

run "deleted_secrets_can_be_restored" {
  assert {
    condition     = aws_secretsmanager_secret.this["gemini"].recovery_window_in_days == 7 && aws_secretsmanager_secret.this["gemini"].name_prefix == "vitrine/gemini-"
    error_message = "The recovery window or the name prefix is wrong."
  }
}

run "rejects_a_fractional_version" {
  command = plan
  variables {
    secrets = { gemini = { description = "Key for Gemini", version = 1.5 } }
  }
  expect_failures = [var.secrets]
}

run "rejects_an_unsupported_recovery_window" {
  command = plan
  variables {
    recovery_days = 3
  }
  expect_failures = [var.recovery_days]
}
