// Users of clusters on EC2, as the commands of Kafka's own tools that make them:
//
//   ansible/CLUSTER/users.sh     SCRAM credentials, ACLs and quotas, run once from anywhere that reaches the brokers
//
// Passwords are read from the environment when it runs, and go to the tool by a pipe: neither the file nor the list of
// processes has one.
#pragma once

#include "fleet/render/file.h"

namespace freshet::fleet {

// Nothing for a cluster without users, or one that asks nobody who it is.
void render_users_script(const Topology& topology, Index cluster, const Source& source, Rendering& out);

}  // namespace freshet::fleet
