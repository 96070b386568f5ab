variable "fleet" {
  description = "Name of the fleet; the tag by which everything of it is found"
  type        = string
}

variable "cluster" {
  description = "Name of the cluster"
  type        = string
}

variable "owner" {
  description = "The team that owns it"
  type        = string
}

variable "dns_zone" {
  description = "Private Route 53 zone of the hosts' names"
  type        = string
}

variable "hosts" {
  description = "Brokers and controllers, by short name"
  type = map(object({
    fqdn          = string
    role          = string
    node_id       = number
    zone          = string
    instance_type = string
    log_dirs      = list(string)
  }))
}

variable "volumes" {
  description = "Each log directory's EBS volume"
  type = object({
    type           = string
    size_gib       = number
    iops           = optional(number)
    throughput_mib = optional(number)
  })
}

variable "client_cidrs" {
  description = "Who may produce and consume; empty: the whole network"
  type        = list(string)
  default     = []
}

variable "monitoring_cidrs" {
  description = "Where Prometheus scrapes from; empty: the whole network"
  type        = list(string)
  default     = []
}

variable "ssh_key_name" {
  description = "EC2 key pair for Ansible"
  type        = string
  default     = null
}
