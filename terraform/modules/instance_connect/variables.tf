variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
}

variable "subnet_id" {
  description = "Id of a private subnet."
  type        = string
}

variable "target_security_group_id" {
  description = "Security group of the instances that are reached through the endpoint."
  type        = string
}
