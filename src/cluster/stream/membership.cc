// Membership on a librdkafka consumer whose partitions are paused for ever: only who has which is wanted, and the
// offsets that the group keeps. A rebalance is noted in its callback, which runs within poll().
#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "cluster/stream/client.h"
#include "cluster/stream/member.h"
#include "cluster/stream/open.h"
#include "telemetry/log.h"

namespace freshet::cluster {
namespace {

constexpr int kCommittedMs = 500;

PartitionRef ref_of(const rd_kafka_topic_partition_t& one) { return {one.topic, one.partition}; }

class KafkaMembership final : public Membership {
 public:
  // Its callback takes part in closing, and needs the client for it.
  ~KafkaMembership() override {
    if (client_ != nullptr) rd_kafka_consumer_close(client_.get());
  }

  static Result<std::unique_ptr<Membership>> join(const Connection& connection, const MembershipOptions& options) {
    std::unique_ptr<KafkaMembership> made(new KafkaMembership);
    ClientSettings settings;
    settings.type = RD_KAFKA_CONSUMER;
    settings.owner = made.get();
    settings.rebalanced = [](rd_kafka_t*, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list,
                             void* owner) { static_cast<KafkaMembership*>(owner)->rebalance(what, list); };
    const std::string session_ms = std::to_string(options.session_timeout_us / 1000);
    settings.defaults = {{"socket.nagle.disable", "true"}, {"topic.metadata.refresh.interval.ms", "3000"}};
    settings.fixed = {{"group.id", options.group},           {"group.instance.id", options.instance},
                      {"session.timeout.ms", session_ms},    {"partition.assignment.strategy", "cooperative-sticky"},
                      {"isolation.level", "read_committed"},  // so that offsets of open transactions are waited for
                      {"auto.offset.reset", "latest"},       {"enable.auto.commit", "false"}};
    FRESHET_ASSIGN(auto client, open_client(connection, settings));
    made->client_ = std::move(client);
    made->group_ = options.group;
    rd_kafka_poll_set_consumer(made->client_.get());
    return std::unique_ptr<Membership>(std::move(made));
  }

  Status subscribe(const std::vector<std::string>& topics) override {
    const rd::PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(topics.size())));
    for (const std::string& topic : topics)
      rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    return status_of(rd_kafka_subscribe(client_.get(), list.get()), "joining group " + group_);
  }

  // What is read by accident, before a partition is paused, is thrown away.
  Result<GroupChange> poll(env::TimeUs timeout_us) override {
    rd_kafka_message_t* const message =
        rd_kafka_consumer_poll(client_.get(), static_cast<int>((timeout_us + 999) / 1000));
    if (message != nullptr) {
      const auto error = message->err;
      const Error told = stream_error(error, "group " + group_, rd_kafka_message_errstr(message));
      rd_kafka_message_destroy(message);
      if (error != RD_KAFKA_RESP_ERR_NO_ERROR && told.code != Code::kRetry && told.code != Code::kNotFound)
        return tl::unexpected(judged(told));
    }
    return std::exchange(change_, {});
  }

  Result<std::vector<Place>> committed(const std::vector<PartitionRef>& of) override {
    const rd::PartitionList list(rd_kafka_topic_partition_list_new(static_cast<int>(of.size())));
    for (const PartitionRef& one : of) rd_kafka_topic_partition_list_add(list.get(), one.topic.c_str(), one.partition);
    auto error = rd_kafka_committed(client_.get(), list.get(), kCommittedMs);
    for (int i = 0; i < list->cnt && error == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) error = list->elems[i].err;
    FRESHET_TRY(status_of(error, "asking for what group " + group_ + " has committed"));
    std::vector<Place> places;
    for (int i = 0; i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& one = list->elems[i];
      places.push_back({ref_of(one),
                        std::max<int64_t>(one.offset, -1),
                        {static_cast<const char*>(one.metadata), one.metadata_size}});
    }
    return places;
  }

  std::shared_ptr<const Committer> member() const override { return member_; }

 private:
  KafkaMembership() = default;

  static Status status_of(rd_kafka_resp_err_t error, const std::string& what) {
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    return tl::unexpected(stream_error(error, what));
  }

  // After a fatal error every call of a consumer says so, and not why.
  Error judged(Error error) const {
    char words[512];
    const auto fatal = rd_kafka_fatal_error(client_.get(), words, sizeof words);
    if (fatal == RD_KAFKA_RESP_ERR_NO_ERROR) return error;
    return stream_error(fatal, "group " + group_, words);
  }

  void rebalance(rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t* list) {
    const bool given = what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    if (given) {
      for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = RD_KAFKA_OFFSET_END;
      const rd::ErrorPtr error(rd_kafka_incremental_assign(client_.get(), list));
      if (error != nullptr) log::warn("kafka: group {}: {}", group_, rd_kafka_error_string(error.get()));
      (void)rd_kafka_pause_partitions(client_.get(), list);
    } else {
      const rd::ErrorPtr error(rd_kafka_incremental_unassign(client_.get(), list));
      if (error != nullptr) log::warn("kafka: group {}: {}", group_, rd_kafka_error_string(error.get()));
    }
    for (int i = 0; i < list->cnt; ++i) {
      const PartitionRef one = ref_of(list->elems[i]);
      // What the caller was not told of yet it need not be told that it is gone.
      if (!given && std::erase(change_.assigned, one) > 0) continue;
      (given ? change_.assigned : change_.revoked).push_back(one);
    }
    // A member that was expelled has no generation, and a commit without one is not checked: so it is asked for when
    // the group has surely taken us in.
    const bool lost = rd_kafka_assignment_lost(client_.get()) != 0;
    if (lost) {
      member_.reset();
    } else if (given) {
      member_ = std::make_shared<KafkaMember>(rd_kafka_consumer_group_metadata(client_.get()));
    }
  }

  StreamClient client_;
  std::string group_;
  GroupChange change_;
  std::shared_ptr<const Committer> member_;
};

}  // namespace

Result<std::unique_ptr<Membership>> join_group(const Connection& connection, const MembershipOptions& options) {
  return KafkaMembership::join(connection, options);
}

}  // namespace freshet::cluster
