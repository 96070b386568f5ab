// Parts of the table of alerts (alerts.h): those whose series `fleet watch --listen` tells, not Kafka's own exporter.
// Each adds its alerts behind those that are there; the alerts of a concern must stand together.
#pragma once

#include <vector>

#include "fleet/render/alerts.h"

namespace freshet::fleet {

// Concern "probe".
void add_probe_alerts(std::vector<Alert>& out);

// Concern "load", of machines that `fleet watch --machines` asks.
void add_machine_alerts(std::vector<Alert>& out);

// Concern "use", of topics whose batches are sampled.
void add_batch_alerts(std::vector<Alert>& out);

// Concerns "lag" and "loss".
void add_group_alerts(std::vector<Alert>& out);

}  // namespace freshet::fleet
