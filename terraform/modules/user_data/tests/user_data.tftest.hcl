variables {
  image           = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/vitrine@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  collector_image = "public.ecr.aws/aws-observability/aws-otel-collector:v0.45.1"
  environment     = { VITRINE_BIND = "0.0.0.0:8080", VITRINE_ADMIN_PASSWORD_SECRET_ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:admin" }
  region          = "eu-west-1"
  log_groups      = { web = "/vitrine/web", collector = "/vitrine/collector", metrics = "/vitrine/metrics" }
  namespace       = "Vitrine/vitrine"
}

run "settings_are_lines_of_the_environment_file" {
  assert {
    condition     = output.files.web_env == "VITRINE_ADMIN_PASSWORD_SECRET_ARN=arn:aws:secretsmanager:eu-west-1:123456789012:secret:admin\nVITRINE_BIND=0.0.0.0:8080\n"
    error_message = "The settings are written differently."
  }

  assert {
    condition     = alltrue([for file in values(output.files) : strcontains(output.script, file)])
    error_message = "The script leaves a file out."
  }
}

run "docker_signs_in_to_the_registry_of_the_account" {
  assert {
    condition     = jsondecode(output.files.docker_config).credHelpers == { "123456789012.dkr.ecr.eu-west-1.amazonaws.com" = "ecr-login" }
    error_message = "Docker does not sign in."
  }
}

run "docker_signs_in_nowhere_for_a_public_image" {
  variables {
    image = "registry.example.org/vitrine@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  }

  assert {
    condition     = length(jsondecode(output.files.docker_config).credHelpers) == 0
    error_message = "Docker signs in to a registry that does not ask for it."
  }
}

run "systemd_starts_what_ended_and_fills_in_the_instance" {
  assert {
    condition     = strcontains(output.files.web_service, "Restart=always") && strcontains(output.files.collector_service, "Restart=always") && strcontains(output.files.web_service, "VITRINE_INSTANCE_ID=$${INSTANCE_ID}") && strcontains(output.files.collector_yaml, "log_stream_name: $${env:INSTANCE_ID}\n")
    error_message = "A service stays down, or does not know its instance."
  }
}

run "refuses_a_tag" {
  command = plan
  variables {
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/vitrine:latest"
  }
  expect_failures = [var.image]
}

run "refuses_a_collector_of_any_version" {
  command = plan
  variables {
    collector_image = "public.ecr.aws/aws-observability/aws-otel-collector:latest"
  }
  expect_failures = [var.collector_image]
}

run "refuses_a_secret" {
  command = plan
  variables {
    environment = { VITRINE_ADMIN_PASSWORD = "secret" }
  }
  expect_failures = [var.environment]
}

run "refuses_an_address_with_a_password" {
  command = plan
  variables {
    environment = { DATABASE_URL = "postgres://vitrine:secret@db.example.org/vitrine" }
  }
  expect_failures = [var.environment]
}

run "refuses_a_setting_of_two_lines" {
  command = plan
  variables {
    environment = { VITRINE_BIND = "0.0.0.0:8080\nVITRINE_UPLOADS=anyone" }
  }
  expect_failures = [var.environment]
}

run "refuses_what_ec2_would_not_take" {
  command = plan
  variables {
    environment = { VITRINE_LOG = join(",", [for number in range(1000) : "vitrine::module=info"]) }
  }
  expect_failures = [output.script]
}
