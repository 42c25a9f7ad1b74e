terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 6.0, < 7.0"
    }
    random = {
      source  = "hashicorp/random"
      version = ">= 3.6, < 4.0"
    }
  }

  # bootstrap/ creates the bucket:
  # terraform init -backend-config=bucket=NAME -backend-config=key=vitrine.tfstate
  # -backend-config=region=REGION -backend-config=use_lockfile=true
  backend "s3" {}
}

provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}
