#include "console/lookout.h"

#include <fmt/core.h>
#include <simdjson.h>

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

#include "base/assert.h"
#include "base/json_writer.h"
#include "base/result.h"
#include "base/text.h"
#include "env/turns.h"
#include "http/client.h"

namespace freshet::console {
namespace {

constexpr uint32_t kTimeoutS = 2;               // of each step of a question
constexpr uint64_t kAnswerBytesMax = 8u << 20;  // a fleet of 20 clusters with all their groups has about 1 MB
constexpr size_t kFiguresBytesMax = 1u << 20;
constexpr size_t kErrorBytesMax = 300;

// What the pages show of other processes, and judge (page/problems.js): the rest is Prometheus' to gather.
const std::vector<std::string_view>& figures_of_peers() {
  static const std::vector<std::string_view> all = {"freshet_process_info",
                                                    "freshet_ready",
                                                    "freshet_ingest_items_total",
                                                    "freshet_ingest_rejected_total",
                                                    "freshet_action_records_total",
                                                    "freshet_action_changes_total",
                                                    "freshet_action_dead_letters_total",
                                                    "freshet_action_partitions",
                                                    "freshet_reaction_",
                                                    "freshet_overflow_",
                                                    "freshet_sink_",
                                                    "freshet_checkpoint_",
                                                    "freshet_disk_",
                                                    "freshet_store_unhealthy",
                                                    "freshet_log_silent",
                                                    "freshet_log_lost_rows_total",
                                                    "freshet_scrub_damaged_total",
                                                    "freshet_profiles_rebuilding",
                                                    "freshet_tenants_unreadable_total",
                                                    "freshet_config_reload_failures_total",
                                                    "freshet_admin_audit_failures_total",
                                                    "freshet_clock_seconds",
                                                    "freshet_http_tls_certificate_end_seconds",
                                                    "freshet_erasures_"};
  return all;
}
const std::vector<std::string_view>& figures_of_movers() {
  static const std::vector<std::string_view> all = {"freshet_mirror_", "freshet_capture_"};
  return all;
}

// What one look brought. Nothing of it is judged here: the pages say what it means, and what is old or missing in it.
struct Seen {
  std::string kind;     // watch, mover, process
  std::string look;     // JSON, one value; "": there is none
  std::string figures;  // lines of /metrics
};

// Of what another process says it is JSON only what was read as JSON.
Result<std::string> as_json(const http::Response& answer) {
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(answer.body).get(root) != simdjson::SUCCESS)
    return fail(Code::kInvalid, "its answer is not JSON: is this the right address?");
  return std::string(simdjson::minify(root));
}

}  // namespace

std::string lines_of(std::string_view metrics, const std::vector<std::string_view>& prefixes, size_t bytes_max) {
  std::string out;
  while (!metrics.empty()) {
    const size_t end = std::min(metrics.find('\n'), metrics.size());
    const std::string_view line = metrics.substr(0, end);
    metrics.remove_prefix(std::min(end + 1, metrics.size()));
    const std::string_view name = line.substr(0, line.find_first_of("{ "));
    // The text of another server: what is not UTF-8 could not be shown.
    const bool wanted = !name.ends_with("_bucket") && simdjson::validate_utf8(line) &&
                        std::ranges::any_of(prefixes, [&](std::string_view one) { return name.starts_with(one); });
    if (!wanted) continue;
    if (out.size() + line.size() + 1 > bytes_max) break;
    out.append(line) += '\n';
  }
  return out;
}

// ---- one address --------------------------------------------------------------------------------------------------

class Lookout::Post {
 public:
  Post(std::string address, bool is_peer, std::string token, env::TimeUs every_us, env::Clock& clock)
      : address_(std::move(address)),
        is_peer_(is_peer),
        token_(std::move(token)),
        every_us_(every_us),
        clock_(clock),
        turns_("lookout", [this](bool last) {
          if (!last) turn();
          return every_us_;
        }) {}
  Post(const Post&) = delete;
  Post& operator=(const Post&) = delete;

  void write(JsonWriter& json) const;

 private:
  void turn();
  [[nodiscard]] Result<Seen> look();
  [[nodiscard]] Result<Seen> look_at_fleet();
  [[nodiscard]] Result<Seen> look_at_peer();
  [[nodiscard]] Result<http::Response> get(const std::string& path);
  [[nodiscard]] Result<http::Response> get_well(const std::string& path);

  const std::string address_;
  const bool is_peer_;
  const std::string token_;
  const env::TimeUs every_us_;
  env::Clock& clock_;
  std::unique_ptr<http::Client> client_;  // of the thread
  mutable std::mutex mutex_;
  Seen seen_;                // the last look that was answered; guarded by mutex_, as are those below
  env::TimeUs seen_us_ = 0;  // when; 0: never
  std::string error_ = "it was not asked yet";
  env::Turns turns_;
};

// A look that fails leaves the one before in place: whoever asks at night wants to know what was last seen, and how
// long ago, more than an empty page.
void Lookout::Post::turn() {
  auto found = look();
  const env::TimeUs now = clock_.monotonic_us();
  if (!found) client_.reset();  // what is half read belongs to no later question
  const std::lock_guard lock(mutex_);
  if (found) {
    seen_ = std::move(*found);
    seen_us_ = std::max<env::TimeUs>(now, 1);
    error_.clear();
  } else {
    error_ = plain_ascii(found.error().message).substr(0, kErrorBytesMax);
  }
}

Result<Seen> Lookout::Post::look() { return is_peer_ ? look_at_peer() : look_at_fleet(); }

// The connection is kept from look to look. http::Client connects again by itself where the other side has closed it.
Result<http::Response> Lookout::Post::get(const std::string& path) {
  if (client_ == nullptr) {
    http::ClientOptions options;
    options.timeout_s = kTimeoutS;
    options.body_bytes_max = kAnswerBytesMax;
    FRESHET_ASSIGN(client_, http::Client::connect(address_, options));
  }
  http::Request request;
  request.method = "GET";
  request.path = path;
  if (!token_.empty()) request.headers.emplace_back("authorization", "Bearer " + token_);
  return client_->send(request);
}

// Answers that are no answers: what a person has to do is said where it is known.
Result<http::Response> Lookout::Post::get_well(const std::string& path) {
  FRESHET_ASSIGN(auto answer, get(path));
  if (answer.status == 200) return answer;
  const bool locked = answer.status == 401 || answer.status == 403;
  return fail(Code::kInvalid, fmt::format("{} answers {}{}", path, answer.status,
                                          locked ? ": console.token has to be a token that it takes" : ""));
}

// A mirror has figures only, and says so by a 404.
Result<Seen> Lookout::Post::look_at_fleet() {
  FRESHET_ASSIGN(const auto watch, get("/v1/fleet"));
  if (watch.status == 200) {
    FRESHET_ASSIGN(auto look, as_json(watch));
    return Seen{"watch", std::move(look), {}};
  }
  FRESHET_ASSIGN(const auto metrics, get_well("/metrics"));
  return Seen{"mover", {}, lines_of(metrics.body, figures_of_movers(), kFiguresBytesMax)};
}

// Metrics first: they are cheap, while a status may wait for brokers that are away; then the process is told as silent,
// which its own page would be, too.
Result<Seen> Lookout::Post::look_at_peer() {
  FRESHET_ASSIGN(const auto metrics, get_well("/metrics"));
  FRESHET_ASSIGN(const auto status, get_well("/v1/status"));
  FRESHET_ASSIGN(auto look, as_json(status));
  return Seen{"process", std::move(look), lines_of(metrics.body, figures_of_peers(), kFiguresBytesMax)};
}

void Lookout::Post::write(JsonWriter& json) const {
  const std::lock_guard lock(mutex_);
  json.begin_object().member("address", address_).key("age_s");
  if (seen_us_ == 0) {
    json.null();
  } else {
    json.raw(fmt::format("{:.3f}", static_cast<double>(clock_.monotonic_us() - seen_us_) / 1e6));
  }
  json.key("error");
  error_.empty() ? json.null() : json.value(error_);
  json.key("kind");
  seen_.kind.empty() ? json.null() : json.value(seen_.kind);
  json.key("look").raw(seen_.look.empty() ? "null" : std::string_view(seen_.look));
  json.member("figures", seen_.figures).end_object();
}

// ---- all of them --------------------------------------------------------------------------------------------------

Lookout::Lookout(const LookoutOptions& options, env::Clock& clock) {
  FRESHET_ASSERT(options.fleet.size() <= kWatchedMax && options.peers.size() <= kWatchedMax);
  for (const std::string& address : options.fleet)
    fleet_.push_back(std::make_unique<Post>(address, false, "", options.fleet_every_us, clock));
  for (const std::string& address : options.peers)
    peers_.push_back(std::make_unique<Post>(address, true, options.token, options.peers_every_us, clock));
}

Lookout::~Lookout() = default;

std::string Lookout::fleet_json() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("sources").array(fleet_, [](JsonWriter& list, const auto& post) { post->write(list); });
  json.end_object();
  return out;
}

std::string Lookout::peers_json() const {
  std::string out;
  JsonWriter json(out);
  json.begin_object().key("processes").array(peers_, [](JsonWriter& list, const auto& post) { post->write(list); });
  json.end_object();
  return out;
}

}  // namespace freshet::console
