// Partitions share `concurrency` lanes, each with a connection: those of a lane go one after the other, so the records
// of a person arrive in their order. A lane ends when its time is up, so that the runner gets to poll.
#include "sinks/webhook/webhook.h"

#include <fmt/core.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/assert.h"
#include "base/mutant.h"
#include "env/thread.h"
#include "http/client.h"
#include "model/change_json.h"
#include "sinks/webhook/answer.h"
#include "sinks/webhook/breaker.h"
#include "sinks/webhook/signature.h"
#include "telemetry/log.h"
#include "telemetry/metrics.h"

namespace freshet::sinks {
namespace {

constexpr env::TimeUs kTakeUs = 5'000'000;
constexpr env::TimeUs kNapUs = 20'000;
// Of an answer's body, which nobody reads: it only has to end.
constexpr uint64_t kAnswerBytesMax = 64u << 10;
constexpr env::TimeUs kUsOfSecond = 1'000'000;

// The address as the client wants it: where the server is, and what is asked of it.
struct Target {
  std::string server;
  std::string path;
  std::string query;
};

Target target_of(const std::string& url) {
  const size_t authority = url.find("//") + 2;
  const size_t path = std::min(url.find_first_of("/?", authority), url.size());
  const size_t query = std::min(url.find('?', path), url.size());
  Target target{url.substr(0, path), url.substr(path, query - path), query < url.size() ? url.substr(query + 1) : ""};
  if (target.path.empty()) target.path = "/";
  return target;
}

class Webhook final : public Sink {
 public:
  Webhook(const Around& around, ConnectWebhook connect, std::string key)
      : around_(around),
        connect_(std::move(connect)),
        clock_(*around.clock),
        key_(std::move(key)),
        target_(target_of(around.sink.url)),
        lanes_(around.sink.concurrency),
        turns_(around.sink.per_second),
        open_(telemetry::gauge("freshet_sink_circuit_open",
                               "1: a webhook has failed several times in a row, and is left alone for a while.",
                               {{"tenant", around.tenant}, {"sink", around.sink.name}})) {
    if (around_.tenant_turns) around_.tenant_turns->expect(around_.partitions);
  }

  // A sink that has ended is not left alone.
  ~Webhook() override {
    open_.set(0);
    if (!around_.tenant_turns) return;
    around_.tenant_turns->hold(-static_cast<int64_t>(held_.size()));
    around_.tenant_turns->expect(-static_cast<int64_t>(around_.partitions));
  }
  Webhook(const Webhook&) = delete;
  Webhook& operator=(const Webhook&) = delete;

  BatchWish wish() const override { return {}; }
  Result<Resume> assigned(eventlog::TopicPartition of, eventlog::Offset committed) override {
    if (held_.insert(of).second && around_.tenant_turns) around_.tenant_turns->hold(1);
    return Resume{committed, std::nullopt};
  }
  void revoked(eventlog::TopicPartition of) override {
    if (held_.erase(of) > 0 && around_.tenant_turns) around_.tenant_turns->hold(-1);
  }
  std::vector<Outcome> take(std::span<const Batch> batches) override;

 private:
  struct Lane {
    std::unique_ptr<http::Client> client;
    std::vector<size_t> batches;  // that it does now
  };

  void run_lane(Lane& lane, std::span<const Batch> batches, std::vector<Outcome>& outcomes, env::TimeUs until,
                size_t items_max);
  [[nodiscard]] Outcome send_some(Lane& lane, const Batch& batch, env::TimeUs until, size_t items_max);
  [[nodiscard]] Outcome send(Lane& lane, const Batch& batch, const Item& item);
  void read_key_again();
  [[nodiscard]] http::Request request_of(const Batch& batch, const Item& item);
  // False: the time is up first.
  [[nodiscard]] bool wait_for_turn(env::TimeUs until);
  [[nodiscard]] bool wait_for(Turns& turns, env::TimeUs until);

  const Around around_;
  const ConnectWebhook connect_;
  env::Clock& clock_;
  std::string key_;
  std::atomic<bool> key_doubtful_{false};  // the target has refused a request since it was read
  const Target target_;
  std::vector<Lane> lanes_;
  Breaker breaker_;
  size_t probes_ = 0;  // each with another partition: one alone may have what fails
  Turns turns_;
  telemetry::Gauge& open_;
  std::set<eventlog::TopicPartition> held_;
};

// After failures in a row the target is left alone for a while, then one request asks whether it is back: a target that
// has just come up is not met by all that has gathered.
std::vector<Outcome> Webhook::take(std::span<const Batch> batches) {
  std::vector<Outcome> outcomes(batches.size());
  if (key_doubtful_.exchange(false)) read_key_again();
  const env::TimeUs now = clock_.monotonic_us();
  const env::TimeUs rest = breaker_.open_for(now);
  const bool probing = breaker_.probing();
  const size_t probe = probing ? probes_++ % batches.size() : 0;
  open_.set(probing ? 1 : 0);
  for (Lane& lane : lanes_) lane.batches.clear();
  for (size_t i = 0; i < batches.size(); ++i) {
    // While nothing may be sent, or one request only, the others wait.
    if (rest > 0 || (probing && i != probe)) {
      outcomes[i] = {Outcome::What::kLater, 0, "the circuit is open after failures in a row",
                     std::max(rest, kUsOfSecond)};
    } else {
      lanes_[batches[i].from.partition % lanes_.size()].batches.push_back(i);
    }
  }
  const env::TimeUs until = now + kTakeUs;
  const size_t items_max = probing ? 1 : SIZE_MAX;
  std::vector<std::thread> threads;
  Lane* mine = nullptr;
  for (Lane& lane : lanes_) {
    if (lane.batches.empty()) continue;
    if (mine == nullptr) {
      mine = &lane;
      continue;
    }
    threads.emplace_back([&] {
      env::name_thread("sink-" + around_.sink.name);
      run_lane(lane, batches, outcomes, until, items_max);
    });
  }
  if (mine != nullptr) run_lane(*mine, batches, outcomes, until, items_max);
  for (std::thread& thread : threads) thread.join();
  open_.set(breaker_.probing() ? 1 : 0);
  return outcomes;
}

void Webhook::run_lane(Lane& lane, std::span<const Batch> batches, std::vector<Outcome>& outcomes, env::TimeUs until,
                       size_t items_max) {
  for (const size_t i : lane.batches) outcomes[i] = send_some(lane, batches[i], until, items_max);
}

Outcome Webhook::send_some(Lane& lane, const Batch& batch, env::TimeUs until, size_t items_max) {
  Outcome outcome;
  for (const Item& item : batch.items) {
    if (outcome.done == items_max || clock_.monotonic_us() >= until || *around_.stopping) return outcome;
    if (const env::TimeUs rest = breaker_.open_for(clock_.monotonic_us()); rest > 0) {
      outcome.what = Outcome::What::kLater;
      outcome.why = "the circuit is open after failures in a row";
      outcome.after_us = rest;
      return outcome;
    }
    if (!wait_for_turn(until)) return outcome;
    Outcome one = send(lane, batch, item);
    const bool failed = one.what == Outcome::What::kLater || one.what == Outcome::What::kUnsure;
    failed ? breaker_.failed(clock_.monotonic_us()) : breaker_.succeeded();
    if (one.what != Outcome::What::kDone && !FRESHET_MUTANT(kHookGoesOn)) {
      one.done = outcome.done;
      return one;
    }
    ++outcome.done;
  }
  return outcome;
}

// Its own turn first: whoever took one of the tenant's for later would keep all other sinks of the tenant till then.
bool Webhook::wait_for_turn(env::TimeUs until) {
  return wait_for(turns_, until) && (around_.tenant_turns == nullptr || wait_for(*around_.tenant_turns, until));
}

bool Webhook::wait_for(Turns& turns, env::TimeUs until) {
  const auto at = turns.take(clock_.monotonic_us(), until);
  if (!at) return false;
  while (clock_.monotonic_us() < *at) {
    if (*around_.stopping) return false;
    clock_.sleep_us(std::min(kNapUs, *at - clock_.monotonic_us()));
  }
  return true;
}

http::Request Webhook::request_of(const Batch& batch, const Item& item) {
  http::Request request;
  request.method = "POST";
  request.path = target_.path;
  request.query = target_.query;
  if (batch.from.topic == eventlog::Topic::kEvents) {
    request.body = item.value;
  } else {
    v1::Change change;
    if (change.ParseFromString(item.value)) request.body = model::change_json(change);
  }
  const std::string id = fmt::format("{}_{}_{}_{}_{}", around_.tenant, around_.sink.name, name_of(batch.from.topic),
                                     batch.from.partition, item.offset);
  const int64_t seconds = clock_.now_us() / kUsOfSecond;
  request.headers = {{"content-type", "application/json"},
                     {"user-agent", "freshet"},
                     {"webhook-id", id},
                     {"webhook-timestamp", std::to_string(seconds)},
                     {"webhook-signature", signature_of(key_, id, seconds, request.body)}};
  return request;
}

Outcome Webhook::send(Lane& lane, const Batch& batch, const Item& item) {
  if (lane.client == nullptr) {
    http::ClientOptions options;
    options.timeout_s = static_cast<uint32_t>(std::max<env::TimeUs>(1, around_.sink.timeout_us / kUsOfSecond));
    options.ca_file = around_.sink.ca;
    options.body_bytes_max = kAnswerBytesMax;
    options.cut_body = true;
    auto opened = connect_(target_.server, options);
    if (!opened) return {Outcome::What::kLater, 0, opened.error().message, 0};
    lane.client = std::move(*opened);
  }
  const auto response = lane.client->send(request_of(batch, item));
  if (!response) {
    lane.client.reset();
    return {Outcome::What::kLater, 0, response.error().message, 0};
  }
  if (response->status >= 400 && response->status < 500) key_doubtful_ = true;
  return outcome_of_answer(*response, target_.server);
}

// Somebody may have changed it, here and there. One that can't be read leaves the one that was.
void Webhook::read_key_again() {
  const auto secret = around_.secret(around_.sink.secret);
  const auto key = secret ? key_of_secret(*secret) : Result<std::string>(tl::unexpected(secret.error()));
  if (key) {
    key_ = *key;
  } else {
    log::warn("sink {} of {}: {}", around_.sink.name, around_.tenant, key.error().message);
  }
}

}  // namespace

Result<std::unique_ptr<Sink>> open_webhook_over(const Around& around, ConnectWebhook connect) {
  FRESHET_ASSERT(around.sink.concurrency > 0 && around.stopping != nullptr);
  FRESHET_ASSIGN(const std::string secret, around.secret(around.sink.secret));
  FRESHET_ASSIGN(std::string key, key_of_secret(secret));
  return std::make_unique<Webhook>(around, std::move(connect), std::move(key));
}

Result<std::unique_ptr<Sink>> open_webhook(const Around& around) {
  return open_webhook_over(around, [](const std::string& url, const http::ClientOptions& options) {
    return http::Client::connect(url, options);
  });
}

}  // namespace freshet::sinks
