// Handing out. librdkafka reads ahead by itself; whatever it had read of a partition before a seek or a revocation is
// recognized by its offset and thrown away.
#include "eventlog/kafka/consume/fetcher.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {

Fetcher::Fetcher(env::Clock& clock, Cluster& cluster, std::string whose, LaneOf lane_of)
    : clock_(clock),
      cluster_(cluster),
      whose_(std::move(whose)),
      lane_of_(std::move(lane_of)),
      client_(cluster.names()) {}

void Fetcher::close() {
  if (client_.get() == nullptr) return;
  // Closing would wait for an assignment that was told and not taken up.
  std::vector<TopicPartition> waiting;
  for (const auto& [of, share] : shares_)
    if (!share.started) waiting.push_back(of);
  if (!waiting.empty()) {
    const PartitionList list = list_of(cluster_.names(), waiting, RD_KAFKA_OFFSET_END);
    const ErrorPtr ignored(rd_kafka_incremental_assign(client_.handle(), list.get()));
  }
  shares_.clear();
  client_.close(whose_);
}

// ---- what is read ---------------------------------------------------------------------------------------------------

void Fetcher::add(TopicPartition of, std::optional<Offset> bound) {
  shares_[of] = {};
  shares_[of].bound = bound;
}

// What was taken out of the queue for it must not be handed out if the partition comes back later.
bool Fetcher::drop(TopicPartition of) {
  const auto share = shares_.find(of);
  if (share == shares_.end()) return false;
  const bool started = share->second.started;
  shares_.erase(share);
  client_.forget(of);
  return started;
}

// A bound that would fall is not taken: what lies below the old one may have been handed out.
void Fetcher::set_bound(TopicPartition of, std::optional<Offset> bound) {
  const auto share = shares_.find(of);
  FRESHET_ASSERT(share != shares_.end());
  if (bound && (!share->second.bound || *bound <= *share->second.bound)) return;
  share->second.bound = bound;
  if (std::exchange(share->second.held, false)) let_flow(of, true);
}

void Fetcher::seek(TopicPartition of, Offset next) {
  const auto share = shares_.find(of);
  FRESHET_ASSERT(share != shares_.end() && next >= 0);
  share->second.position = next;
  client_.forget(of);
}

void Fetcher::pause(TopicPartition of, bool paused) {
  const auto share = shares_.find(of);
  FRESHET_ASSERT(share != shares_.end());
  if (share->second.paused == paused) return;
  share->second.paused = paused;
  if (share->second.started) let_flow(of, !paused);
}

void Fetcher::let_flow(TopicPartition of, bool flowing) {
  const PartitionList list = list_of(cluster_.names(), {of});
  const Share& share = shares_[of];
  if (flowing && !share.paused && !share.held) {
    rd_kafka_resume_partitions(client_.handle(), list.get());
  } else {
    rd_kafka_pause_partitions(client_.handle(), list.get());
  }
}

// ---- handing out ----------------------------------------------------------------------------------------------------

Result<std::vector<Fetched>> Fetcher::fetch(size_t bytes_max, env::TimeUs end) {
  FRESHET_ASSERT(client_.get() != nullptr);
  Gathering gathering(client_.get());
  for (bool last = false;; last = last || client_.interrupted()) {
    FRESHET_TRY(hand_out(bytes_max, gathering));
    if (last || !gathering.empty()) break;
    const env::TimeUs left = end - clock_.monotonic_us();
    last = left <= 0;
    client_.take(bytes_max, last ? 0 : to_ms(left + 999));
    if (client_.take_yield()) return std::vector<Fetched>{};
  }
  client_.take_interruption();
  std::vector<Fetched> out;
  if (gathering.empty()) {
    add_gaps(out);
    return out;
  }
  client_.note_size(gathering.bytes(), gathering.count());
  out = gathering.take();
  for (const Fetched& fetched : out) shares_[fetched.from].next = fetched.next;
  return out;
}

// Hands messages out in the order of the queue, except those of paused partitions, which stay there in their order.
Status Fetcher::hand_out(size_t bytes_max, Gathering& into) {
  std::deque<ConsumerClient::Taken>& taken = client_.taken();
  std::deque<ConsumerClient::Taken> stay;
  Status status;
  std::optional<uint32_t> lane;
  while (status && !taken.empty() && (into.empty() || into.bytes() < bytes_max)) {
    ConsumerClient::Taken message = std::move(taken.front());
    taken.pop_front();
    const auto of = client_.partition_of(*message);
    const auto share = of ? shares_.find(*of) : shares_.end();
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      status = handle_error(*message, of);
    } else if (share == shares_.end() || share->second.position || message->offset < share->second.next) {
      // The message is of a partition that was revoked, or from before a seek.
    } else if (share->second.paused || hold_back(*of, share->second, *message) || (lane && lane_of_(*of) != *lane)) {
      stay.push_back(std::move(message));
    } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
      share->second.passed = message->offset;
    } else {
      FRESHET_ASSERT(!share->second.is_beyond(message->offset, false));
      share->second.passed = message->offset + 1;
      lane = lane_of_(*of);
      into.add(*of, message.release());
    }
  }
  for (auto message = stay.rbegin(); message != stay.rend(); ++message) taken.push_front(std::move(*message));
  return status;
}

// What lies beyond what the owner has committed stays where it is, and librdkafka is asked for no more of its
// partition until the bound rises, so that a standby does not fill its memory with what it may not use.
bool Fetcher::hold_back(TopicPartition of, Share& share, const rd_kafka_message_t& message) {
  if (!share.is_beyond(message.offset, message.err == RD_KAFKA_RESP_ERR__PARTITION_EOF)) return false;
  if (!std::exchange(share.held, true)) let_flow(of, false);
  return true;
}

// Tells of offsets that were passed without a record: ends of transactions and what was aborted have offsets, too.
// Untold, a worker whose log ends with such a marker would never reach the end, and never count as caught up.
void Fetcher::add_gaps(std::vector<Fetched>& fetched) {
  std::optional<uint32_t> lane;  // An owner commits them like records; a standby commits nothing.
  for (auto& [of, share] : shares_) {
    if (!share.has_gap()) continue;
    if (!share.follows() && lane && lane_of_(of) != *lane) continue;
    if (!share.follows()) lane = lane_of_(of);
    share.next = share.passed;
    fetched.push_back({of, {}, share.next, nullptr});
  }
}

// Most of what librdkafka reports it also mends. An error ends the poll only if the caller has to do something about
// it.
Status Fetcher::handle_error(const rd_kafka_message_t& message, std::optional<TopicPartition> of) {
  const std::string words = rd_kafka_message_errstr(&message);
  switch (message.err) {
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      if (!of || !has(*of)) return {};
      shares_[*of].position = shares_[*of].next;  // If the offset is there after all, the next poll goes on from it.
      return check_positions({*of}, {});
    case RD_KAFKA_RESP_ERR__FATAL: {
      char fatal[512] = "";
      const auto error = rd_kafka_fatal_error(client_.handle(), fatal, sizeof fatal);
      Error out = error_of(error, whose_, fatal);
      if (out.code != Code::kFenced) out.code = Code::kFatal;
      return tl::unexpected(std::move(out));
    }
    default: {
      Error out = error_of(message.err, of ? to_string(*of) : whose_, words);
      if (out.code != Code::kRetry && out.code != Code::kConflict) return tl::unexpected(std::move(out));
      log::debug("{}", out.message);  // librdkafka mends this by itself.
      return {};
    }
  }
}

}  // namespace freshet::eventlog::kafka
