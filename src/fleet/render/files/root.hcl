# Where state is kept, and the provider: the same for every cluster.
locals {
  region = read_terragrunt_config(find_in_parent_folders("region.hcl")).locals.region
}

remote_state {
  backend = "s3"

  generate = {
    path      = "backend.tf"
    if_exists = "overwrite_terragrunt"
  }

  config = {
    bucket       = get_env("FLEET_STATE_BUCKET")
    key          = "${path_relative_to_include()}/terraform.tfstate"
    region       = get_env("FLEET_STATE_REGION", local.region)
    encrypt      = true
    use_lockfile = true
  }
}

generate "provider" {
  path      = "provider.tf"
  if_exists = "overwrite_terragrunt"
  contents  = <<-EOT
    provider "aws" {
      region = "${local.region}"
    }
  EOT
}
