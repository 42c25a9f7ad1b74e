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

# RDS: "Can't end with a hyphen or contain two consecutive hyphens." CreateDBInstance, DBInstanceIdentifier,
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
run "rejects_a_name_with_two_consecutive_hyphens" {
  command = plan
  variables {
    name = "a--b"
  }
  expect_failures = [var.name]
}

# "This name […] must not begin with "internal-"." CreateLoadBalancer,
# https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
run "rejects_a_name_that_load_balancers_reserve" {
  command = plan
  variables {
    name = "internal-photos"
  }
  expect_failures = [var.name]
}

# Names of security groups: "Can't start with sg-." CreateSecurityGroup, GroupName,
# https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
run "rejects_a_name_that_security_groups_reserve" {
  command = plan
  variables {
    name = "sg-photos"
  }
  expect_failures = [var.name]
}

# "Must not be default." CreateDBSubnetGroup, DBSubnetGroupName,
# https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBSubnetGroup.html
run "rejects_the_name_of_the_default_subnet_group" {
  command = plan
  variables {
    name = "default"
  }
  expect_failures = [var.name]
}

# "Bucket names must not start with the prefix sthree-." General purpose bucket naming rules,
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
run "rejects_a_name_that_buckets_reserve" {
  command = plan
  variables {
    name = "sthree"
  }
  expect_failures = [var.name]
}

run "refuses_a_region_with_two_zones" {
  command = plan
  override_data {
    target = data.aws_availability_zones.available
    values = { names = ["us-west-1a", "us-west-1c"] }
  }
  expect_failures = [data.aws_availability_zones.available]
}

run "rejects_a_setting_that_the_configuration_sets" {
  command = plan
  variables {
    settings = { VITRINE_STORAGE = "/srv/pictures" }
  }
  expect_failures = [var.settings]
}

run "rejects_pictures_that_do_not_fit_the_memory_of_a_function" {
  command = plan
  variables {
    settings = { VITRINE_MAX_MEGAPIXELS = "150" }
  }
  expect_failures = [var.settings]
}

run "rejects_more_web_instances_than_the_database_has_connections_for" {
  command = plan
  variables {
    database = { instance_class = "db.t4g.micro" }
    web      = { capacity = { max = 12 } }
  }
  expect_failures = [var.web]
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

run "rejects_openai_without_a_server" {
  command = plan
  variables {
    captioner      = "openai"
    openai_api_key = "a-key"
  }
  expect_failures = [var.openai]
}

run "rejects_a_server_without_tls" {
  command = plan
  variables {
    captioner      = "openai"
    openai         = { base_url = "http://models.example.org/v1", model = "qwen3-vl" }
    openai_api_key = "a-key"
  }
  expect_failures = [var.openai]
}

run "rejects_openai_without_a_key" {
  command = plan
  variables {
    captioner = "openai"
    openai    = { base_url = "https://models.example.org/v1", model = "qwen3-vl" }
  }
  expect_failures = [var.openai_api_key]
}

run "rejects_a_fractional_version_of_a_secret" {
  command = plan
  variables {
    secret_versions = { admin_password = 1.5 }
  }
  expect_failures = [var.secret_versions]
}
