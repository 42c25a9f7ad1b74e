# The validations of the root module. The modules have more.

mock_provider "aws" {
  source = "./tests/mocks"
}

mock_provider "random" {}

variables {
  image               = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/vitrine@sha256:0000000000000000000000000000000000000000000000000000000000000000"
  functions_directory = "tests/lambda"
  admin_cidrs         = ["203.0.113.7/32"]
  ssh_public_key      = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEV4YW1wbGVFeGFtcGxlRXhhbXBsZUV4YW1wbGVFeGFt admin@example.org"
  gemini_api_key      = "a-key-for-gemini"
  admin_password      = "correct horse battery staple"
}

run "rejects_a_name_that_is_too_long_for_aws" {
  command = plan
  variables {
    name = "a-gallery-for-the-whole-school"
  }
  expect_failures = [var.name]
}

run "rejects_a_setting_that_the_configuration_sets" {
  command = plan
  variables {
    settings = { VITRINE_STORAGE = "/srv/pictures" }
  }
  expect_failures = [var.settings]
}

run "rejects_a_setting_of_another_program" {
  command = plan
  variables {
    settings = { PATH = "/tmp" }
  }
  expect_failures = [var.settings]
}

run "rejects_an_unknown_captioner" {
  command = plan
  variables {
    captioner = "parrot"
  }
  expect_failures = [var.captioner]
}

run "rejects_gemini_without_a_key" {
  command = plan
  variables {
    gemini_api_key = null
  }
  expect_failures = [var.gemini_api_key]
}

run "rejects_a_short_password" {
  command = plan
  variables {
    admin_password = "short"
  }
  expect_failures = [var.admin_password]
}

run "rejects_an_unknown_shell_access" {
  command = plan
  variables {
    shell_access = "telnet"
  }
  expect_failures = [var.shell_access]
}

run "rejects_a_bastion_without_admin_cidrs" {
  command = plan
  variables {
    admin_cidrs = []
  }
  expect_failures = [var.admin_cidrs]
}

run "rejects_a_bastion_without_a_key" {
  command = plan
  variables {
    ssh_public_key = null
  }
  expect_failures = [var.ssh_public_key]
}

run "rejects_an_unknown_router" {
  command = plan
  variables {
    event_router = "kafka"
  }
  expect_failures = [var.event_router]
}

run "rejects_an_unsupported_retention" {
  command = plan
  variables {
    log_retention_days = 45
  }
  expect_failures = [var.log_retention_days]
}

run "rejects_localhost_telemetry_without_a_layer" {
  command = plan
  variables {
    function_telemetry = {}
  }
  expect_failures = [var.function_telemetry]
}

run "rejects_sizes_of_an_unknown_function" {
  command = plan
  variables {
    functions = { classify = { memory = 1024 } }
  }
  expect_failures = [var.functions]
}
