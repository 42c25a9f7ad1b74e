variables {
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/vitrine@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  collector_image = "public.ecr.aws/aws-observability/aws-otel-collector:v0.45.1"
  environment     = { VITRINE_BIND = "0.0.0.0:8080", VITRINE_ADMIN_PASSWORD_SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:admin" }
  region          = "eu-west-1"
  log_groups      = { web = "/vitrine/web", collector = "/vitrine/collector", metrics = "/vitrine/metrics" }
  namespace       = "Vitrine/vitrine"
}

run "settings_are_written_to_the_environment_file" {
  assert {
    condition     = output.files.web_env == "VITRINE_ADMIN_PASSWORD_SECRET_ARN=arn:aws:secretsmanager:eu-west-1:123456789012:secret:admin\nVITRINE_BIND=0.0.0.0:8080\n"
    error_message = "The environment file is wrong."
  }

  assert {
    condition     = alltrue([for file in values(output.files) : strcontains(output.script, file)])
    error_message = "The script does not contain all files."
  }
}

run "docker_logs_in_to_ecr" {
  assert {
    condition     = jsondecode(output.files.docker_config).credHelpers == { "123456789012.dkr.ecr.eu-west-1.amazonaws.com" = "ecr-login" }
    error_message = "Docker has no credential helper for the registry."
  }
}

run "docker_does_not_log_in_for_a_public_image" {
  variables {
    image = "registry.example.org/vitrine@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  }

  assert {
    condition     = length(jsondecode(output.files.docker_config).credHelpers) == 0
    error_message = "Docker has a credential helper for a public registry."
  }
}

run "services_restart_and_know_the_instance_id" {
  assert {
    condition     = strcontains(output.files.web_service, "Restart=always") && strcontains(output.files.collector_service, "Restart=always") && strcontains(output.files.web_service, "VITRINE_INSTANCE_ID=$${INSTANCE_ID}") && strcontains(output.files.collector_yaml, "log_stream_name: $${env:INSTANCE_ID}\n")
    error_message = "A service does not restart, or has no instance id."
  }
}

run "rejects_a_tag" {
  command = plan
  variables {
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/vitrine:latest"
  }
  expect_failures = [var.image]
}

run "rejects_a_collector_without_a_version" {
  command = plan
  variables {
    collector_image = "public.ecr.aws/aws-observability/aws-otel-collector:latest"
  }
  expect_failures = [var.collector_image]
}

run "rejects_a_secret" {
  command = plan
  variables {
    environment = { VITRINE_ADMIN_PASSWORD = "secret" }
  }
  expect_failures = [var.environment]
}

run "rejects_a_url_with_a_password" {
  command = plan
  variables {
    environment = { DATABASE_URL = "postgres://vitrine:secret@db.example.org/vitrine" }
  }
  expect_failures = [var.environment]
}

run "rejects_a_multiline_setting" {
  command = plan
  variables {
    environment = { VITRINE_BIND = "0.0.0.0:8080\nVITRINE_UPLOADS=anyone" }
  }
  expect_failures = [var.environment]
}

run "rejects_user_data_above_the_limit" {
  command = plan
  variables {
    environment = { VITRINE_LOG = join(",", [for number in range(1000) : "vitrine::module=info"]) }
  }
  expect_failures = [output.script]
}
