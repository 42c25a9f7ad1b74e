mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "vitrine"
  services = {
    "cloudwatch.amazonaws.com" = { sends_source_account = true }
    "events.amazonaws.com"     = { sends_source_account = false }
  }
}

run "key_rotates_and_has_a_deletion_window" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 14
    error_message = "The key is not rotated, or has no deletion window of 14 days."
  }
}

run "services_may_only_encrypt_and_decrypt" {
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.this.statement :
      statement.actions == toset(["kms:Decrypt", "kms:GenerateDataKey*"]) if one(statement.principals).type == "Service"
    ])
    error_message = "A service may do more than encrypt and decrypt."
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.this.statement : one([for condition in statement.condition : one(condition.values)])
      if contains(one(statement.principals).identifiers, "cloudwatch.amazonaws.com")
    ] == ["123456789012"]
    error_message = "CloudWatch may use the key for other accounts."
  }
}

run "services_without_source_account_have_no_condition" {
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.this.statement : length(statement.condition) == 0
      if contains(one(statement.principals).identifiers, "events.amazonaws.com")
    ])
    error_message = "EventBridge sends no source account: with a condition, its messages would be dropped."
  }
}

run "rejects_an_invalid_service_principal" {
  command = plan
  variables {
    services = { "cloudwatch" = { sends_source_account = true } }
  }
  expect_failures = [var.services]
}
