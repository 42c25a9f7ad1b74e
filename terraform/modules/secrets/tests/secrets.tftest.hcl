mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name    = "vitrine"
  secrets = { gemini = { description = "Key for Gemini", version = 3 } }
  values  = { gemini = "the-value" }
}

run "values_are_not_kept" {
  assert {
    condition     = aws_secretsmanager_secret_version.this["gemini"].secret_string == null || aws_secretsmanager_secret_version.this["gemini"].secret_string == ""
    error_message = "The value is in the state."
  }

  assert {
    condition     = aws_secretsmanager_secret_version.this["gemini"].secret_string_wo_version == 3 && aws_secretsmanager_secret_version.this["gemini"].secret_id == aws_secretsmanager_secret.this["gemini"].id
    error_message = "A new value would not be written."
  }
}

run "a_deleted_secret_can_be_brought_back" {
  assert {
    condition     = aws_secretsmanager_secret.this["gemini"].recovery_window_in_days == 7 && aws_secretsmanager_secret.this["gemini"].name_prefix == "vitrine/gemini-"
    error_message = "It is gone at once, or blocks the name for the next one."
  }
}

run "refuses_a_version_in_between" {
  command = plan
  variables {
    secrets = { gemini = { description = "Key for Gemini", version = 1.5 } }
  }
  expect_failures = [var.secrets]
}

run "refuses_a_recovery_that_aws_does_not_offer" {
  command = plan
  variables {
    recovery_days = 3
  }
  expect_failures = [var.recovery_days]
}
