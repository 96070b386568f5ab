// Sink of kind topic: a compacted topic with the last state of each profile of a tenant (docs/sinks.md, and
// docs/decisions/0033-state-topic.md for why it is made of changes, and not of the profile store).
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "sinks/sink.h"
#include "sinks/topic/table.h"
#include "sinks/topic/target.h"

namespace freshet::sinks {

using OpenStateTable = std::function<Result<std::unique_ptr<StateTable>>()>;

// Connects, and makes the topic if there is none. Errors as in sinks.h.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_topic(const Around& around);
// The same on what a test has.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_topic_on(const Around& around, StateTarget target,
                                                          OpenStateTable open_table);

// The name of the directory of its table. Another topic under the same name of the sink has another one.
[[nodiscard]] std::string state_directory(const std::string& tenant, const model::Sink& sink);

// The cluster that a sink of this kind writes to. Its properties are said by `secret`, as in Around.
[[nodiscard]] Result<cluster::Connection> state_connection(
    const model::Sink& sink, const std::function<Result<std::string>(const std::string&)>& secret);

}  // namespace freshet::sinks
