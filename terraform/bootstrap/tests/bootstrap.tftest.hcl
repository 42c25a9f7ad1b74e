mock_provider "aws" {
  source = "../tests/mocks"
}

run "the_state_is_in_a_bucket_of_its_own" {
  assert {
    condition     = output.state_bucket == "vitrine-state-123456789012-eu-west-1" && output.region == "eu-west-1"
    error_message = "The bucket's name cannot be told without this state."
  }
}

run "an_image_stays_what_it_is_and_is_looked_through" {
  assert {
    condition     = aws_ecr_repository.web.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.web.image_scanning_configuration[0].scan_on_push && !aws_ecr_repository.web.force_delete
    error_message = "A tag may become another image, flaws stay unnoticed, or images are deleted by mistake."
  }

  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.web.policy).rules[0].selection.countNumber == 20
    error_message = "Old images are not cleared away, or too early."
  }
}

run "refuses_a_name_in_capitals" {
  command = plan
  variables {
    name = "Vitrine"
  }
  expect_failures = [var.name]
}

run "refuses_to_keep_nothing_to_go_back_to" {
  command = plan
  variables {
    images_kept = 1
  }
  expect_failures = [var.images_kept]
}
