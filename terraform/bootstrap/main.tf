# Prerequisites of the first deployment: a bucket for Terraform's state and a registry for the web
# image. The state of this configuration is a local file. Both names are predictable, so the resources
# can be imported if the file is lost.
data "aws_caller_identity" "current" {}

data "aws_region" "current" {}

module "state" {
  source = "../modules/bucket"

  name            = "${var.name}-state-${data.aws_caller_identity.current.account_id}-${data.aws_region.current.id}"
  noncurrent_days = 90
  force_destroy   = var.force_destroy
}

# With immutable tags, a tag always refers to the same image, as a digest does.
resource "aws_ecr_repository" "web" {
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.force_destroy

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

resource "aws_ecr_lifecycle_policy" "web" {
  repository = aws_ecr_repository.web.name

  policy = jsonencode({
    rules = [{
      rulePriority = 1
      description  = "Keep the newest ${var.images_kept}"
      action       = { type = "expire" }
      selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = var.images_kept }
    }]
  })
}
