#include "app/canary.h"

#include <utility>

#include "telemetry/canary.h"
#include "telemetry/metrics.h"

namespace freshet::app {
namespace {

constexpr uint32_t kWaitingMax = 60;

telemetry::Counter& canary_records(const char* result) {
  return telemetry::counter("freshet_canary_records_total", "Records of the canary, by result.", {{"result", result}});
}

void count_canary(bool is_sent) {
  static telemetry::Counter& sent = canary_records("sent");
  static telemetry::Counter& failed = canary_records("failed");
  is_sent ? sent.add() : failed.add();
}

}  // namespace

Canary::Canary(std::string name, env::TimeUs every_us, Submit submit, env::Clock& clock)
    : name_(std::move(name)), every_us_(every_us), submit_(std::move(submit)), clock_(clock) {}

void Canary::tick() {
  const env::TimeUs now = clock_.monotonic_us();
  if (now < due_us_) return;
  due_us_ = now + every_us_;
  if (*waiting_ >= kWaitingMax) return count_canary(false);
  ++*waiting_;
  const Status taken = submit_(record(), [waiting = waiting_](const Status& durable) {
    --*waiting;
    count_canary(durable.has_value());
  });
  if (taken) return;
  --*waiting_;
  count_canary(false);
}

// Times and message id are given where it is accepted, as those of any record.
v1::Envelope Canary::record() const {
  v1::Envelope envelope;
  envelope.set_tenant(telemetry::kCanaryTenant);
  envelope.set_source("canary");
  envelope.set_kind(v1::Envelope::IDENTIFY);
  v1::Identifier& identifier = *envelope.add_user();
  identifier.set_type("user_id");
  identifier.set_value(name_);
  v1::AttributeOp& sent = *envelope.add_attributes();
  sent.set_type(v1::AttributeOp::SET);
  sent.set_name("sent_at");
  sent.mutable_value()->set_time_us(clock_.now_us());
  return envelope;
}

}  // namespace freshet::app
