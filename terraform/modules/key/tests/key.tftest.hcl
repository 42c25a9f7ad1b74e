mock_provider "aws" {
  source = "../../tests/mocks"
}

variables {
  name = "vitrine"
  services = {
    "cloudwatch.amazonaws.com" = { says_for_whom = true }
    "events.amazonaws.com"     = { says_for_whom = false }
  }
}

run "the_key_is_changed_every_year_and_not_lost_at_once" {
  assert {
    condition     = aws_kms_key.this.enable_key_rotation && aws_kms_key.this.deletion_window_in_days == 14
    error_message = "The key stays the same, or is gone at once when it is deleted."
  }
}

run "services_encrypt_and_nothing_else" {
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.this.statement :
      statement.actions == toset(["kms:Decrypt", "kms:GenerateDataKey*"]) if one(statement.principals).type == "Service"
    ])
    error_message = "A service may do more than encrypt."
  }

  assert {
    condition = [
      for statement in data.aws_iam_policy_document.this.statement : one([for condition in statement.condition : one(condition.values)])
      if contains(one(statement.principals).identifiers, "cloudwatch.amazonaws.com")
    ] == ["123456789012"]
    error_message = "Alarms of other accounts may use the key."
  }
}

run "eventbridge_is_not_asked_for_whom_it_acts" {
  assert {
    condition = alltrue([
      for statement in data.aws_iam_policy_document.this.statement : length(statement.condition) == 0
      if contains(one(statement.principals).identifiers, "events.amazonaws.com")
    ])
    error_message = "EventBridge does not say it; its messages would be dropped."
  }
}

run "refuses_a_service_that_is_no_principal" {
  command = plan
  variables {
    services = { "cloudwatch" = { says_for_whom = true } }
  }
  expect_failures = [var.services]
}
