// Any sequence of appends, commits, trims, polls, reads and restarts does to the embedded log what it does to plain
// vectors, whatever lies in memory and whatever was already put into the store.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <future>

#include "eventlog/embedded/embedded_log.h"
#include "testing/clock.h"
#include "testing/memory_store.h"

namespace freshet::eventlog::embedded {
namespace {

constexpr uint32_t kPartitions = 3;

struct Model {
  std::vector<std::string> values;
  Offset low = 0;
  Offset committed = -1;
  Offset position = 0;
};

class Machine {
 public:
  explicit Machine(size_t tail_bytes_max) {
    options_.tail_bytes_max = tail_bytes_max;
    open();
  }

  void append(uint32_t p, size_t count, size_t calls) {
    std::vector<Produce> batches;
    for (size_t c = 0; c < calls; ++c) batches.push_back(records(p + static_cast<uint32_t>(c), count));
    std::promise<Status> answer;
    log_->append(std::move(batches), [&](Status status) { answer.set_value(std::move(status)); });
    RC_ASSERT(answer.get_future().get().has_value());
  }

  void commit(uint32_t p, size_t count) {
    Transaction transaction;
    transaction.outputs.push_back(records(p, count));
    transaction.done = {{at(p), of(p).position}};
    of(p).committed = of(p).position;
    RC_ASSERT(consumer_->commit(std::move(transaction)).has_value());
  }

  void trim(uint32_t p, Offset before) {
    RC_ASSERT(log_->trim(at(p), before).has_value());
    Model& model = of(p);
    model.low = std::max(model.low, std::min(before, static_cast<Offset>(model.values.size())));
    if (model.position < model.low) seek(p, model.low);
  }

  void seek(uint32_t p, Offset next) {
    Model& model = of(p);
    model.position = std::min(std::max(next, model.low), static_cast<Offset>(model.values.size()));
    consumer_->seek(at(p), model.position);
  }

  void poll(size_t bytes_max) {
    const auto polled = consumer_->poll(bytes_max, 0);
    RC_ASSERT(polled.has_value());
    for (const Fetched& fetched : polled->fetched) {
      Model& model = of(fetched.from.partition);
      check(fetched, model, model.position);
      model.position = fetched.next;
    }
    const bool waiting = std::any_of(models_.begin(), models_.end(),
                                     [](const Model& m) { return m.position < static_cast<Offset>(m.values.size()); });
    RC_ASSERT(!polled->fetched.empty() || !waiting || bytes_max == 0);
  }

  void read(uint32_t p, Offset from, size_t bytes_max) {
    const auto fetched = log_->read(at(p), from, bytes_max);
    RC_ASSERT(fetched.has_value());
    Model& model = of(p);
    const Offset begin = std::max(from, model.low);
    if (begin < static_cast<Offset>(model.values.size())) RC_ASSERT(!fetched->records.empty());
    check(*fetched, model, begin);
  }

  void reopen() {
    open();
    for (uint32_t p = 0; p < kPartitions; ++p) {
      Model& model = of(p);
      const Watermarks marks = log_->watermarks(at(p)).value();
      RC_ASSERT(marks.low == model.low);
      RC_ASSERT(marks.high == static_cast<Offset>(model.values.size()));
      const auto committed = consumer_->committed(at(p)).value();
      RC_ASSERT(committed.value_or(-1) == model.committed);
      model.position = committed.value_or(model.low);
      if (model.position < model.low) seek(p, model.low);
    }
  }

 private:
  static TopicPartition at(uint32_t p) { return {Topic::kActions, p % kPartitions}; }
  Model& of(uint32_t p) { return models_[p % kPartitions]; }

  void open() {
    consumer_.reset();
    log_.reset();
    log_ = std::move(open_embedded_log(kv::open_memory(rows_, {}), clock_, options_).value());
    TopicOptions topic;
    topic.partitions = kPartitions;
    topic.retention_bytes = 400;  // only makes segments small: actions have no retention
    RC_ASSERT(log_->create_topic(Topic::kActions, topic).has_value());
    ConsumerOptions options;
    options.group = "g";
    options.topics = {Topic::kActions};
    consumer_ = std::move(log_->open_consumer(options).value());
    RC_ASSERT(consumer_->poll(1, 0)->assigned.size() == kPartitions);
  }

  Produce records(uint32_t p, size_t count) {
    Produce out{at(p), {}};
    for (size_t i = 0; i < count; ++i) {
      const std::string value = std::to_string(serial_++);
      out.records.add("", value);
      of(p).values.push_back(value);
    }
    return out;
  }

  static void check(const Fetched& fetched, const Model& model, Offset from) {
    for (const RecordView& record : fetched.records) {
      RC_ASSERT(record.offset == from);
      RC_ASSERT(record.value == model.values.at(static_cast<size_t>(from)));
      ++from;
    }
    RC_ASSERT(fetched.next >= from);
    RC_ASSERT(fetched.records.empty() || fetched.next == from);
  }

  env::FakeClock clock_;
  EmbeddedLogOptions options_;
  std::shared_ptr<kv::MemoryDisk> rows_ = std::make_shared<kv::MemoryDisk>();
  std::unique_ptr<EventLog> log_;
  std::unique_ptr<Consumer> consumer_;
  std::vector<Model> models_ = std::vector<Model>(kPartitions);
  int serial_ = 0;
};

struct Step {
  uint32_t what, partition, count, offset;
};

RC_GTEST_PROP(EmbeddedLogModel, IsLikeVectors, ()) {
  const auto tail_bytes_max = *rc::gen::element<size_t>(0, 600, 1u << 20);
  const auto steps = *rc::gen::container<std::vector<Step>>(
      rc::gen::construct<Step>(rc::gen::inRange(0u, 12u), rc::gen::inRange(0u, kPartitions), rc::gen::inRange(0u, 20u),
                               rc::gen::inRange(0u, 60u)));
  Machine machine(tail_bytes_max);
  for (const Step& step : steps) {
    const auto offset = static_cast<Offset>(step.offset);
    switch (step.what) {
      case 0: machine.trim(step.partition, offset); break;
      case 1: machine.seek(step.partition, offset); break;
      case 2: machine.reopen(); break;
      case 3:
      case 4: machine.commit(step.partition, step.count); break;
      case 5:
      case 6: machine.read(step.partition, offset, step.count * 10); break;
      case 7:
      case 8: machine.poll(1 + step.count * 10); break;
      default: machine.append(step.partition, step.count, 1 + step.offset % 4); break;
    }
  }
  machine.reopen();
}

}  // namespace
}  // namespace freshet::eventlog::embedded
