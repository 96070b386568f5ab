// librdkafka's queue holds as much as its settings allow, in the order in which it came. What is taken out of it lies
// here until it is handed out, since messages of partitions that are paused or held back must keep their order.
#include "eventlog/kafka/consume/consumer_client.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <thread>

#include "base/assert.h"
#include "env/thread.h"
#include "telemetry/log.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr size_t kChunkMax = 1024;
constexpr std::chrono::seconds kCloseMax{30};  // brokers that are well take a second

// Whatever the client is told from here on is taken up, so that it can be given back.
void give_all_back(Client& client) {
  client.on_rebalance = [handle = client.get()](rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
    const bool given = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    const ErrorPtr ignored(given ? rd_kafka_incremental_assign(handle, list)
                                 : rd_kafka_incremental_unassign(handle, list));
  };
}

// On a thread of its own, because rd_kafka_consumer_close() has no limit of time, and can wait for ever for itself:
// where partitions are given just when the member leaves, librdkafka 2.15.1 sometimes answers its own
// rd_kafka_incremental_assign() no more. Then the client stays behind with that thread, and the brokers take its place
// away when its session ends; or the process would never end.
rd_kafka_resp_err_t close_in_time(std::shared_ptr<Client> client) {
  std::promise<rd_kafka_resp_err_t> closed;
  auto result = closed.get_future();
  std::thread([client = std::move(client), closed = std::move(closed)]() mutable {
    env::name_thread("kafka-close");
    const auto error = rd_kafka_consumer_close(client->get());
    client.reset();  // Whoever waits destroys it.
    closed.set_value(error);
  }).detach();
  return result.wait_for(kCloseMax) == std::future_status::ready ? result.get() : RD_KAFKA_RESP_ERR__TIMED_OUT;
}

}  // namespace

std::string words_of_leaving(const std::string& whose, rd_kafka_resp_err_t error) {
  constexpr std::string_view kGivenOn = "nothing is lost, and the brokers give its partitions on when its session ends";
  if (error != RD_KAFKA_RESP_ERR__TIMED_OUT)
    return fmt::format("kafka: leaving {}: {}; {}: there is nothing to do", whose, rd_kafka_err2str(error), kGivenOn);
  return fmt::format(
      "kafka: leaving {}: the client did not close within {} s and is left behind; {}. There is nothing to do if this "
      "process ends now; one that goes on should be restarted when that suits, as the client stays in its memory",
      whose, kCloseMax.count(), kGivenOn);
}

Status ConsumerClient::open(const KafkaOptions& options, const Client::Settings& settings) {
  FRESHET_ASSERT(client_ == nullptr && taken_.empty());
  FRESHET_ASSIGN(client_, Client::open(options, settings));
  give_all_back(*client_);
  partition_of_ = PartitionOf(names_);  // It remembers topics by the handles of the client before.
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.reset(rd_kafka_queue_get_consumer(handle()));
  }
  rd_kafka_poll_set_consumer(handle());
  return {};
}

void ConsumerClient::close(const std::string& whose) {
  if (client_ == nullptr) return;
  taken_.clear();           // Messages belong to the client, and go before it.
  give_all_back(*client_);  // Closing waits for what is given meanwhile, too.
  if (const auto error = close_in_time(client_); error != RD_KAFKA_RESP_ERR_NO_ERROR && !lost_its_place())
    log::warn("{}", words_of_leaving(whose, error));
  {
    const std::lock_guard lock(queue_mutex_);
    queue_.reset();
  }
  client_.reset();
}

bool ConsumerClient::lost_its_place() const {
  return client_ != nullptr && rd_kafka_fatal_error(handle(), nullptr, 0) == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

tl::unexpected<Error> ConsumerClient::failed(rd_kafka_resp_err_t error, const std::string& what) const {
  Error out = error_of(error, what);
  if (error == RD_KAFKA_RESP_ERR__FATAL && lost_its_place()) out.code = Code::kRetry;
  return tl::unexpected(std::move(out));
}

// librdkafka waits until an array is full, so the first message is waited for alone.
void ConsumerClient::take(size_t bytes, int timeout_ms) {
  FRESHET_ASSERT(queue_ != nullptr);
  const size_t count = std::clamp<size_t>(bytes / record_bytes_, 1, kChunkMax);
  rd_kafka_message_t* messages[kChunkMax];
  ssize_t taken = rd_kafka_consume_batch_queue(queue_.get(), timeout_ms, messages, 1);
  if (taken == 1 && count > 1)
    taken += std::max<ssize_t>(rd_kafka_consume_batch_queue(queue_.get(), 0, messages + 1, count - 1), 0);
  for (ssize_t i = 0; i < taken; ++i) taken_.emplace_back(messages[i]);
}

void ConsumerClient::forget(TopicPartition of) {
  std::erase_if(taken_, [&](const Taken& message) { return partition_of_(*message) == of; });
}

void ConsumerClient::note_size(size_t bytes, size_t count) {
  FRESHET_ASSERT(count > 0);
  record_bytes_ = (record_bytes_ + bytes / count) / 2 + 1;
}

void ConsumerClient::wake() {
  interrupted_ = true;
  end_wait();
}

void ConsumerClient::yield() {
  yielded_ = true;
  end_wait();
}

void ConsumerClient::end_wait() {
  const std::lock_guard lock(queue_mutex_);
  if (queue_ != nullptr) rd_kafka_queue_yield(queue_.get());
}

}  // namespace freshet::eventlog::kafka
