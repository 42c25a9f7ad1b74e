variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "tags" {
  description = "Tags for the volume, which the default tags of the provider do not reach."
  type        = map(string)
  default     = {}
}

variable "vpc_id" {
  description = "Id of the VPC."
  type        = string
}

variable "subnet_id" {
  description = "Id of a public subnet."
  type        = string
}

variable "admin_cidrs" {
  description = "IPv4 ranges of those who may come in by SSH."
  type        = set(string)

  validation {
    condition     = length(var.admin_cidrs) > 0 && alltrue([for cidr in var.admin_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "admin_cidrs are IPv4 ranges such as \"203.0.113.7/32\", of /8 or smaller: SSH is not for the whole internet."
  }
}

variable "public_key" {
  description = "OpenSSH public key of the administrators."
  type        = string

  validation {
    condition     = can(regex("^(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]+=*( .*)?$", trimspace(var.public_key)))
    error_message = "public_key is the content of a file such as ~/.ssh/id_ed25519.pub; EC2 takes ssh-ed25519 and ssh-rsa."
  }
}

variable "target_security_group_id" {
  description = "Security group of the instances that are reached through the bastion."
  type        = string
}

variable "instance_type" {
  description = "Kind of the instance."
  type        = string
  default     = "t4g.nano"
}
