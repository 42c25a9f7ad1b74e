variable "name" {
  description = "Prefix of all resource names."
  type        = string
}

variable "tags" {
  description = "Tags for the volume, which does not get the default tags of the provider."
  type        = map(string)
  default     = {}
}

variable "vpc_id" {
  description = "ID of the VPC."
  type        = string
}

variable "subnet_id" {
  description = "ID of a public subnet."
  type        = string
}

variable "admin_cidrs" {
  description = "IPv4 ranges that can connect by SSH."
  type        = set(string)

  validation {
    condition     = length(var.admin_cidrs) > 0 && alltrue([for cidr in var.admin_cidrs : can(cidrnetmask(cidr)) && try(tonumber(split("/", cidr)[1]) >= 8, false)])
    error_message = "admin_cidrs must be IPv4 ranges of /8 or smaller, for example \"203.0.113.7/32\": SSH must not be open to the whole internet."
  }
}

variable "public_key" {
  description = "OpenSSH public key of the administrators."
  type        = string

  validation {
    condition     = can(regex("^(ssh-ed25519|ssh-rsa) [A-Za-z0-9+/]+=*( .*)?$", trimspace(var.public_key)))
    error_message = "public_key must be the content of a file such as ~/.ssh/id_ed25519.pub; EC2 supports ssh-ed25519 and ssh-rsa."
  }
}

variable "target_security_group_id" {
  description = "ID of the security group of the instances behind the bastion."
  type        = string
}
