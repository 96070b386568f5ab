// A run: requests go in through a network that loses and repeats, processes die and come back, and
// when all is sent nothing goes wrong any more until nothing is left to do. Then the checks look at
// what has come of it.

#include "world.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "telemetry/metrics.h"

namespace freshet::sim {
namespace {

// A run that takes longer hangs. Usual runs need a tenth of it.
constexpr size_t kStepsMax = 400'000;
constexpr size_t kQuietStepsMax = 5'000;
// A record leads to some messages between partitions; if there are many more, they circulate.
constexpr Offset kMessagesOfRecordMax = 100;
constexpr env::TimeUs kHourUs = 3'600'000'000;

uint64_t counted(const char* metric) { return static_cast<uint64_t>(telemetry::counter_total(metric)); }

// A row as text, for the report of a violation.
std::string row_text(const Rows& rows, const std::string& key) {
  const auto at = rows.find(key);
  if (at == rows.end()) return "missing";
  v1::EntityState entity;
  v1::PartitionMeta meta;
  if (key[0] == 'e' && entity.ParseFromString(at->second)) return entity.ShortDebugString();
  if (key[0] == 'm' && meta.ParseFromString(at->second)) return meta.ShortDebugString();
  return to_hex(at->second);
}

// Invariant 4: the state is that of an uninterrupted run at the same offset, byte for byte.
void require_same(uint32_t partition, const Rows& expected, const Rows& got) {
  if (expected == got) return;
  std::string key;
  for (const auto& [k, row] : expected)
    if (const auto at = got.find(k); at == got.end() || at->second != row) key = k;
  for (const auto& [k, row] : got)
    if (!expected.contains(k)) key = k;
  throw Violation(
      fmt::format("invariant 4: the state of partition {} is not that of an uninterrupted run: row '{}' {}\n    "
                  "expected {}\n    got      {}",
                  partition, key[0], to_hex(key.substr(1)), row_text(expected, key), row_text(got, key)));
}

}  // namespace

World::World(const Scenario& scenario, const Workload& workload, const WorldOptions& options)
    // The order of these rolls is part of every seed: another order makes other runs of all seeds.
    : scenario_(scenario), workload_(workload), stage_(options.seed, Faults{}, options.trace) {
  Dice& dice = stage_.dice;
  stage_.faults = Faults::roll(dice);
  if (options.from_state) use_one_worker();
  stage_.broker.create_topic(Topic::kActions, scenario.partitions);
  stage_.broker.create_topic(Topic::kChanges, scenario.partitions);
  stage_.broker.create_topic(Topic::kEvents, scenario.partitions);
  stage_.broker.create_topic(Topic::kDeadLetters, 1);
  stage_.broker.create_topic(Topic::kSchema, 1);
  if (scenario.rated) stage_.broker.create_topic(Topic::kOverflow, scenario.partitions);
  stage_.broker.keep_everything(stage_.faults.own_disks);
  if (stage_.faults.standbys) stage_.broker.keep_standbys(action::kActionGroup);
  if (options.checks) shadow_ = std::make_unique<Shadow>(stage_.broker, !options.from_state);
  stage_.broker.on_commit([this](const Committed& committed) {
    if (shadow_ && committed.group == action::kActionGroup) shadow_->check(committed.transaction);
    if (shadow_ && committed.group == ingest::kDrainGroup) lanes_.add(committed.transaction);
  });
  for (uint32_t n = 0; n < scenario.tenants.size(); ++n) ingests_.emplace_back(stage_, n, scenario.tenants[n]);
  for (uint32_t n = 1 + static_cast<uint32_t>(dice.roll(3)); n > 0; --n) workers_.emplace_back(stage_, n);
  while (options.from_state && workers_.size() > 1) workers_.pop_back();
  for (uint32_t n = 1 + static_cast<uint32_t>(dice.roll(2)); n > 0; --n) reactors_.emplace_back(stage_, n);
  static const std::vector<uint32_t> kSpeeds = {8, 8, 4, 1};
  for (size_t i = 0; i < workers_.size() + reactors_.size(); ++i) speeds_.push_back(dice.pick(kSpeeds));
  window_ = 1 + dice.roll(16);
  FRESHET_ASSERT(!ingests_.empty() && !workers_.empty() && !reactors_.empty());
  acknowledged_.resize(scenario.requests.size());
  // Metrics belong to the process and not to the run, so their start is remembered.
  replayed_before_ = counted("freshet_action_replayed_total");
  dropped_before_ = counted("freshet_identity_dropped_total");
  publish_rules(scenario.tenants[0], false);
  deliver_rules();
  if (options.from_state && shadow_)
    readers_ = std::make_unique<Readers>(stage_, *shadow_, options.seed, [this] { return workers_[0].reads(); });
}

// As a process with an embedded log works: one worker has all partitions, on this machine's disk, as long as it lives.
void World::use_one_worker() {
  Faults& faults = stage_.faults;
  stage_.from_state = true;
  faults.own_disks = faults.standbys = false;
  faults.zombie = faults.standby = faults.lose_state = faults.older_state = 0;
  faults.rebalance = faults.rebalance_in_batch = 0;
}

void World::run() {
  size_t steps = 0;
  while (!all_sent() || !stage_.broker.at({Topic::kActions, 0}).next) {
    step();
    require(++steps < kStepsMax, "the clients never get their answers");
    require(steps % 1'000 != 0 || !circulates(), "messages circulate");
  }
  // What is under way goes on for a while in the storm.
  for (size_t more = stage_.dice.roll(400); more > 0; --more) step();
  come_to_rest();
  if (shadow_) check();
}

// ---- a step -------------------------------------------------------------------------------------------------------

void World::step() {
  Dice& dice = stage_.dice;
  stage_.clock.sleep_us(dice.between(0, 1'000));
  if (readers_) readers_->step();
  // Of 16 turns four are the network's, one a fault's, one the disks', one the store's, and nine
  // the processes'.
  const size_t turn = dice.roll(16);
  if (turn < 4) return step_network();
  if (turn == 4) return step_fault();
  if (turn == 5) {
    for (WorkerProcess& worker : workers_)
      if (dice.one_in(2)) (void)worker.tick();
    return;
  }
  if (turn == 6) {
    (void)stage_.store.tick();
    for (ReactorProcess& reactor : reactors_) (void)reactor.tick();
    return;
  }
  const size_t who = dice.roll(speeds_.size());
  if (dice.roll(8) >= speeds_[who]) return;  // a slow process misses most of its turns
  if (who < workers_.size()) {
    workers_[who].step();
  } else {
    reactors_[who - workers_.size()].step();
  }
}

void World::step_network() {
  Dice& dice = stage_.dice;
  for (IngestProcess& ingest : ingests_)
    if (dice.one_in(2)) (void)ingest.tick();
  if (scenario_.rated) {
    for (IngestProcess& ingest : ingests_)
      if (dice.one_in(2)) ingest.drain();
  }
  if (dice.one_in(8)) (void)stage_.broker.land_late();
  if (next_request_ < scenario_.requests.size() && waiting_.size() < window_) send_next();
  if (!in_flight_.empty() && dice.one_in(2)) deliver();
  // A client that hears nothing sends its request again.
  if (in_flight_.empty() && !waiting_.empty() && dice.one_in(8)) {
    const auto again = std::next(waiting_.begin(), static_cast<std::ptrdiff_t>(dice.roll(waiting_.size())));
    in_flight_.push_back(*again);
  }
}

void World::send_next() {
  // Rules change between two requests, as they would in a running installation.
  while (next_rules_ < scenario_.rules.size() && scenario_.rules[next_rules_].after_request <= next_request_)
    change_rules(scenario_.rules[next_rules_++]);
  deliver_rules();
  waiting_.insert(next_request_);
  in_flight_.push_back(next_request_);
  if (stage_.dice.permille(stage_.faults.duplicate_request)) {
    stage_.probes.hit(Probe::kDuplicateRequest);
    in_flight_.push_back(next_request_);
  }
  ++next_request_;
}

// Requests arrive in any order.
void World::deliver() {
  const size_t at = stage_.dice.roll(in_flight_.size());
  const size_t number = in_flight_[at];
  in_flight_.erase(in_flight_.begin() + static_cast<std::ptrdiff_t>(at));
  if (stage_.dice.permille(stage_.faults.request_lost)) return stage_.probes.hit(Probe::kRequestLost);
  const Request& sent = scenario_.requests[number];
  stage_.say("request {} to ingest {}: {}", number, sent.node, sent.body);
  http::Request request;
  request.method = "POST";
  request.path = sent.path;
  request.headers = {
      {"authorization", "Bearer " + (sent.by_server ? server_key_of(sent.tenant) : write_key_of(sent.tenant))}};
  request.body = sent.body;
  ingests_[sent.node].handle(std::move(request),
                             [this, number](http::Response response) { answered(number, response); });
}

void World::answered(size_t number, const http::Response& response) {
  const Request& request = scenario_.requests[number];
  // Any other answer would make a client give up what it could have sent again.
  require(response.status == 200 || response.status == 503,
          [&] { return fmt::format("request {} is answered {}: {}", number, response.status, response.body); });
  if (response.status != 200) return;
  if (stage_.dice.permille(stage_.faults.answer_lost)) return stage_.probes.hit(Probe::kAnswerLost);
  waiting_.erase(number);
  // A repeated request is answered once more, and the client has heard it already.
  if (acknowledged_[number]) return;
  acknowledged_[number] = true;
  ++acknowledged_count_;
  for (const std::string& id : request.accepted) acknowledged_messages_.insert(request.tenant + "/" + id);
  const bool told = request.path != "/v1/records" ||
                    response.body.starts_with(fmt::format("{{\"accepted\":{},", request.accepted.size()));
  require(told, [&] { return fmt::format("request {} has another verdict: {}", number, response.body); });
}

// ---- rules --------------------------------------------------------------------------------------------------------

void World::change_rules(const RulesChange& change) {
  stage_.say("the rules change");
  if (change.ingest_too) ingests_[0].restart_with(change.tenants);
  stage_.probes.hit(Probe::kRulesChanged);
  publish_rules(change.tenants, true);
}

// Publishes rules to every partition. With `late` each partition gets them at a time of its own, so
// that partitions have different rules meanwhile.
void World::publish_rules(const std::vector<model::Tenant>& tenants, bool late) {
  v1::Envelope envelope =
      action::control_record(tenants, scenario_.partitions, "0123456789abcdef", stage_.clock.now_us());
  envelope.mutable_control()->set_revision(++revision_);
  envelope.mutable_control()->set_events_if_read(scenario_.events_if_read);
  for (uint32_t p = 0; p < scenario_.partitions; ++p) {
    eventlog::Produce produce{{Topic::kActions, p}, {}};
    produce.records.add({}, envelope.SerializeAsString());
    FRESHET_ASSERT(next_request_ <= scenario_.requests.size());
    const size_t left = scenario_.requests.size() - next_request_;
    rules_under_way_.emplace(late ? next_request_ + stage_.dice.roll(left + 1) : 0, std::move(produce));
  }
}

void World::deliver_rules() {
  while (!rules_under_way_.empty() && rules_under_way_.begin()->first <= next_request_)
    stage_.broker.write(rules_under_way_.extract(rules_under_way_.begin()).mapped());
}

// ---- faults -------------------------------------------------------------------------------------------------------

void World::step_fault() {
  Dice& dice = stage_.dice;
  const Faults& faults = stage_.faults;
  if (dice.permille(faults.rebalance * 16)) {
    const bool action = dice.one_in(2);
    stage_.say("{} is rebalanced", action ? "action" : "reaction");
    stage_.broker.rebalance(action ? action::kActionGroup : reaction::kReactionGroup);
  }
  if (scenario_.rated && dice.permille(faults.rebalance * 16)) stage_.broker.rebalance(ingest::kDrainGroup);
  if (dice.permille(faults.zombie * 16)) make_zombie();
  if (dice.permille(faults.standby * 16)) make_standby();
  if (dice.permille(faults.crash_store * 16)) {
    stage_.say("the document store dies");
    for (ReactorProcess& reactor : reactors_) reactor.die();
    stage_.store.crash();
  }
  if (dice.permille(faults.clock_jump * 16)) {
    stage_.probes.hit(Probe::kClockJump);
    stage_.clock.sleep_us(dice.between(1'000'000, kHourUs));
  }
}

// A worker's partitions are given away without its noticing.
void World::make_zombie() {
  WorkerProcess& worker = workers_[stage_.dice.roll(workers_.size())];
  const auto member = worker.member();
  if (!member || !stage_.broker.is_member(*member)) return;
  stage_.say("a worker becomes a zombie");
  stage_.probes.hit(Probe::kZombie);
  stage_.broker.leave(*member);
}

// A follower has replayed a partition on a worker's disk, and that worker takes over with it.
void World::make_standby() {
  WorkerProcess& worker = workers_[stage_.dice.roll(workers_.size())];
  const auto partition = static_cast<uint32_t>(stage_.dice.roll(scenario_.partitions));
  const TopicPartition of{Topic::kActions, partition};
  const auto member = worker.member();
  const auto committed = stage_.broker.committed(action::kActionGroup, of);
  if (!member || !stage_.broker.is_member(*member) || !committed) return;
  if (stage_.broker.owner(action::kActionGroup, of) == member) return;
  if (stage_.broker.follower(action::kActionGroup, of) == member) return;  // its disk is in use
  stage_.say("a standby takes over partition {}", partition);
  stage_.probes.hit(Probe::kStandbyTakeOver);
  auto disk = std::make_shared<kv::MemoryDisk>();
  Follower follower(stage_.broker, partition, disk, true);
  follower.read_to(stage_.dice.between(0, *committed));
  follower.persist();
  worker.disk(partition) = disk;
  stage_.broker.hand_over(action::kActionGroup, of, *member);
}

// ---- the end ------------------------------------------------------------------------------------------------------

bool World::circulates() const {
  Offset messages = 0;
  for (uint32_t p = 0; p < scenario_.partitions; ++p) messages += stage_.broker.at({Topic::kActions, p}).next;
  return messages > kMessagesOfRecordMax * (static_cast<Offset>(scenario_.requests.size()) + 100);
}

// Returns null if nobody is this member, or whoever was it is dead.
const WorkerProcess* World::worker_of(std::optional<MemberId> member) const {
  const auto at = std::find_if(workers_.begin(), workers_.end(),
                               [&](const WorkerProcess& worker) { return member && worker.member() == member; });
  return at == workers_.end() ? nullptr : &*at;
}

const WorkerProcess* World::owner_of(uint32_t partition) const {
  return worker_of(stage_.broker.owner(action::kActionGroup, {Topic::kActions, partition}));
}

// Says what is left to do, or nothing if the run is at rest.
std::string World::unrest() const {
  for (uint32_t p = 0; p < scenario_.partitions; ++p) {
    const TopicPartition actions{Topic::kActions, p};
    if (stage_.broker.lags(action::kActionGroup, actions))
      return fmt::format("action is behind in partition {}: messages circulate, or it stands still", p);
    if (stage_.broker.lags(reaction::kReactionGroup, {Topic::kChanges, p}))
      return fmt::format("reaction is behind in partition {}", p);
    if (scenario_.rated && stage_.broker.lags(ingest::kDrainGroup, {Topic::kOverflow, p}))
      return fmt::format("something waits in partition {} of overflow", p);
    const WorkerProcess* const owner = owner_of(p);
    if (owner == nullptr) return fmt::format("nobody takes partition {}", p);
    if (!owner->caught_up()) return fmt::format("the owner of partition {} never replays to its end", p);
  }
  for (const WorkerProcess& worker : workers_)
    if (!worker.follows_closely()) return "a standby stays behind";
  return stage_.store.idle() ? "" : "the store still works";
}

// Everybody works and nothing goes wrong, until nothing is left to do.
void World::come_to_rest() {
  stage_.say("calm");
  deliver_rules();
  stage_.calm_down();
  while (stage_.broker.land_late()) {
  }
  for (size_t steps = 0; !unrest().empty(); ++steps) {
    require(steps < kQuietStepsMax && !circulates(), [&] { return "it never comes to rest: " + unrest(); });
    // What is over a rate takes its time.
    stage_.clock.sleep_us(scenario_.rated ? 20'000 : 1'000);
    for (IngestProcess& ingest : ingests_) {
      (void)ingest.tick();
      if (scenario_.rated) ingest.drain();
    }
    for (WorkerProcess& worker : workers_) worker.step();
    for (ReactorProcess& reactor : reactors_) {
      reactor.step();
      (void)reactor.tick();
    }
    while (stage_.store.tick()) {
    }
  }
  if (readers_) documents_ = readers_->read_all([this] { workers_[0].step(); });
  for (WorkerProcess& worker : workers_) worker.drain();
  require(stage_.store.store().sync().has_value(), "the documents can't be made durable");
}

void World::check() {
  std::vector<const Rows*> rows;  // what the disk of each partition's owner has
  for (uint32_t p = 0; p < scenario_.partitions; ++p) {
    rows.push_back(&owner_of(p)->disks().at(p)->rows);
    require_same(p, shadow_->rows(p), *rows[p]);
    const auto* const follower = worker_of(stage_.broker.follower(action::kActionGroup, {Topic::kActions, p}));
    if (follower != nullptr) require_same(p, shadow_->rows(p), follower->disks().at(p)->rows);
  }
  const End end(scenario_, stage_.broker, rows, readers_ ? documents_ : stage_.store.rows());
  if (scenario_.rated) {
    lanes_.check(stage_.broker);
    stage_.probes.hit(Probe::kOverflowed, lanes_.moved());
    // Requests that land late, or at two nodes, have no order.
    if (ingests_.size() == 1 && stage_.probes.of(Probe::kLateAppend) == 0) check_arrival(stage_.broker);
  }
  check_end(end, {acknowledged_messages_, stage_.store.poisoned(), workload_.confluent()});
  workload_.check(end);
  count_probes(end);
}

void World::count_probes(const End& end) {
  stage_.probes.hit(Probe::kDuplicateRecord, end.repeated);
  stage_.probes.hit(Probe::kErasedMessage, end.erased_messages());
  stage_.probes.hit(Probe::kRejectedItem, end.dead_letters.size());
  for (const Request& request : scenario_.requests)
    if (request.body.find("sent") != std::string::npos) stage_.probes.hit(Probe::kSkewedClock);
  stage_.probes.hit(Probe::kReplayed, counted("freshet_action_replayed_total") - replayed_before_);
  stage_.probes.hit(Probe::kLimitHit, counted("freshet_identity_dropped_total") - dropped_before_);
  for (const auto& [key, entity] : end.entities) {
    if (entity.status() == v1::EntityState::REDIRECT) stage_.probes.hit(Probe::kMerged);
    if (entity.status() == v1::EntityState::ERASED) stage_.probes.hit(Probe::kErased);
    if (!entity.refused().empty()) stage_.probes.hit(Probe::kRefused);
  }
}

std::string World::hash() {
  std::string all(stage_.broker.digest().view());
  for (const auto& [key, document] : stage_.store.rows()) all += key + document.SerializeAsString();
  return hash128(all + std::to_string(stage_.clock.now_us())).hex();
}

}  // namespace freshet::sim
