#include "sinks/sinks.h"

#include <array>

#include "sinks/files/files.h"
#include "sinks/postgres/postgres.h"
#include "sinks/topic/topic.h"
#include "sinks/webhook/webhook.h"

namespace freshet::sinks {
namespace {

struct KindOfSink {
  model::SinkKind kind;
  Result<std::unique_ptr<Sink>> (*open)(const Around& around);
};

constexpr std::array<KindOfSink, 4> kKindsOfSinks = {{
    {model::SinkKind::kWebhook, &open_webhook},
    {model::SinkKind::kFiles, &open_files},
    {model::SinkKind::kPostgres, &open_postgres},
    {model::SinkKind::kTopic, &open_topic},
}};

}  // namespace

Result<std::unique_ptr<Sink>> open_sink(const Around& around) {
  for (const KindOfSink& one : kKindsOfSinks)
    if (one.kind == around.sink.kind) return one.open(around);
  return fail(Code::kInvalid, "there is no sink of this kind in this version");
}

}  // namespace freshet::sinks
