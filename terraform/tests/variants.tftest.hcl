# The root module with its defaults and alternatives. The modules have tests of their own.

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
  # Unused but for one run. Tests that apply need a value of each ephemeral variable.
  openai_api_key = "a-key-for-openai"
  admin_password = "correct horse battery staple"
}

run "defaults_are_postgresql_eventbridge_target_tracking_and_http" {
  assert {
    condition     = length(module.network.public_subnet_ids) == 3 && length(module.network.private_subnet_ids) == 3 && length(module.network.database_subnet_ids) == 3 && length(output.nat_addresses) == 3
    error_message = "A zone is missing."
  }

  assert {
    condition     = startswith(module.database.environment.DATABASE_URL, "postgres://") && module.database.port == 5432
    error_message = "The database is not PostgreSQL."
  }

  assert {
    condition     = module.events.sender.service == "events.amazonaws.com" && output.event_archive == "vitrine-uploads"
    error_message = "The events do not go through EventBridge."
  }

  assert {
    condition     = module.web.scaling_policies == tolist(["vitrine-cpu"])
    error_message = "The scaling policies are wrong."
  }

  assert {
    condition     = startswith(output.url, "http://") && output.bastion_address != null && output.shell_access == "bastion"
    error_message = "The URL is not HTTP, or there is no bastion."
  }

  assert {
    condition     = keys(output.queues) == keys(local.function_defaults) && keys(module.function) == keys(local.function_defaults) && length(local.function_defaults) >= 3
    error_message = "A function or its queue is missing."
  }

  assert {
    condition     = toset(keys(aws_secretsmanager_secret_version.this)) == toset(["admin-password", "gemini-api-key"])
    error_message = "A secret is missing."
  }
}

run "mysql_sns_simple_scaling_and_a_domain" {
  variables {
    database           = { engine = "mysql", instance_class = "db.t4g.medium" }
    event_router       = "sns"
    notification_email = "editor@example.org"
    web                = { scaling = { kind = "steps" }, capacity = { min = 1, desired = 1 } }
    domain             = { name = "photos.example.org", zone_id = "Z1" }
    rate_limit         = 3000
    shell_access       = "instance_connect"
    network            = { nat = "single", interface_endpoints = ["secretsmanager", "sqs"] }
    alarms             = { emails = ["ops@example.org"], monthly_budget_usd = 250, limits = { response_seconds = 1 } }
  }

  assert {
    condition     = startswith(module.database.environment.DATABASE_URL, "mysql://") && module.database.port == 3306
    error_message = "The database is not MySQL."
  }

  assert {
    condition     = module.events.sender.service == "sns.amazonaws.com" && output.event_archive == null
    error_message = "The events do not go through SNS."
  }

  assert {
    condition     = module.web.scaling_policies == tolist(["vitrine-less", "vitrine-more"])
    error_message = "The scaling policies are wrong."
  }

  assert {
    condition     = output.url == "https://photos.example.org" && output.bastion_address == null && length(aws_ec2_instance_connect_endpoint.this) == 1
    error_message = "The URL is wrong, or there is a bastion."
  }

  assert {
    condition     = aws_ec2_instance_connect_endpoint.this[0].security_group_ids == toset([aws_security_group.instance_connect[0].id]) && aws_vpc_security_group_egress_rule.instance_connect[0].referenced_security_group_id == module.web.security_group_id
    error_message = "The endpoint can connect to something else than the web instances."
  }

  assert {
    condition     = length(output.nat_addresses) == 1
    error_message = "There is more than one NAT gateway."
  }
}

run "another_caption_provider" {
  command = plan

  variables {
    captioner      = "openai"
    gemini_api_key = null
    openai         = { base_url = "https://models.example.org/v1", model = "qwen3-vl" }
    openai_api_key = "a-key"
  }

  assert {
    condition     = toset(keys(aws_secretsmanager_secret.this)) == toset(["admin-password", "openai-api-key"])
    error_message = "A secret is missing, or one is left."
  }

  assert {
    condition     = local.captioner_settings.VITRINE_CAPTIONER == "openai" && local.captioner_settings.OPENAI_BASE_URL == "https://models.example.org/v1" && local.captioner_settings.OPENAI_MODEL == "qwen3-vl" && local.captioner_settings.OPENAI_API_KEY_VERSION == "1"
    error_message = "The settings of the provider are wrong."
  }
}

run "mysql_with_eventbridge" {
  command = plan

  variables {
    database = { engine = "mysql", instance_class = "db.t4g.medium" }
  }

  assert {
    condition     = module.database.port == 3306 && module.events.sender.service == "events.amazonaws.com"
    error_message = "The engine changes the event router."
  }
}

run "postgresql_with_sns" {
  command = plan

  variables {
    event_router = "sns"
  }

  assert {
    condition     = module.database.port == 5432 && module.events.sender.service == "sns.amazonaws.com"
    error_message = "The event router changes the engine."
  }
}

run "existing_certificate" {
  variables {
    certificate_arn = "arn:aws:acm:eu-west-1:123456789012:certificate/1"
    web             = { scaling = { requests_per_target = 600 } }
    shell_access    = "session_manager"
  }

  assert {
    condition     = startswith(output.url, "https://") && endswith(output.url, ".elb.amazonaws.com") && length(module.bastion) == 0 && length(aws_ec2_instance_connect_endpoint.this) == 0
    error_message = "The URL is wrong, or there is a bastion or an endpoint."
  }

  assert {
    condition     = module.web.scaling_policies == tolist(["vitrine-cpu", "vitrine-requests"])
    error_message = "The scaling policy for requests is missing."
  }
}

run "captions_without_a_provider_need_no_key" {
  command = plan

  variables {
    captioner      = "describe"
    gemini_api_key = null
    shell_access   = "none"
    admin_cidrs    = []
    ssh_public_key = null
  }

  assert {
    condition     = toset(keys(aws_secretsmanager_secret_version.this)) == toset(["admin-password"])
    error_message = "There is a secret for the Gemini key."
  }
}

run "functions_can_use_a_collector_layer" {
  variables {
    function_telemetry = { layer_arn = "arn:aws:lambda:eu-west-1:901920570463:layer:aws-otel-collector-arm64-ver-0-117-0:1" }
    settings           = { VITRINE_UPLOADS = "anyone", VITRINE_CAPTION_LANGUAGE = "de-CH" }
  }

  assert {
    condition     = keys(module.function) == keys(local.function_defaults)
    error_message = "A function is missing."
  }
}

run "sizes_of_a_function_override_its_defaults" {
  command = plan

  variables {
    functions = { thumbnail = { memory = 3008 } }
  }

  assert {
    condition     = local.functions.thumbnail.memory == 3008 && local.functions.thumbnail.timeout == local.function_defaults.thumbnail.timeout && local.functions.anonymise.memory == local.function_defaults.anonymise.memory
    error_message = "A size is not overridden, or others are."
  }
}
