variable "name" {
  description = "Prefix of all resource names."
  type        = string
}

variable "vpc_id" {
  description = "ID of the VPC."
  type        = string
}

variable "subnet_id" {
  description = "ID of a private subnet."
  type        = string
}

variable "target_security_group_id" {
  description = "ID of the security group of the instances behind the endpoint."
  type        = string
}
