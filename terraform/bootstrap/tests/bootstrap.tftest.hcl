mock_provider "aws" {
  source = "../tests/mocks"
}

run "state_bucket_has_a_predictable_name" {
  assert {
    condition     = output.state_bucket == "vitrine-state-123456789012-eu-west-1" && output.region == "eu-west-1"
    error_message = "The name of the bucket does not follow from name, account and region."
  }
}

run "registry_has_immutable_tags_scans_and_a_lifecycle_policy" {
  assert {
    condition     = aws_ecr_repository.web.image_tag_mutability == "IMMUTABLE" && aws_ecr_repository.web.image_scanning_configuration[0].scan_on_push && !aws_ecr_repository.web.force_delete
    error_message = "Tags are mutable, images are not scanned, or the registry can be deleted with images."
  }

  assert {
    condition     = jsondecode(aws_ecr_lifecycle_policy.web.policy).rules[0].selection.countNumber == 20
    error_message = "The number of kept images is wrong."
  }
}

run "rejects_an_upper_case_name" {
  command = plan
  variables {
    name = "Vitrine"
  }
  expect_failures = [var.name]
}

run "rejects_a_single_kept_image" {
  command = plan
  variables {
    images_kept = 1
  }
  expect_failures = [var.images_kept]
}
