output "bootstrap_servers" {
  description = "For clients"
  value       = join(",", [for host in var.hosts : "${host.fqdn}:9092" if host.role != "controller"])
}

output "security_group_id" {
  description = "To let further clients in"
  value       = aws_security_group.kafka.id
}
