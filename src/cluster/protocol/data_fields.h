// The fields of data_messages.h, as messages.cc has those of the others, which includes this. Private to
// src/cluster/protocol.
#pragma once

#include "cluster/protocol/data_messages.h"

namespace freshet::cluster::protocol {

inline void describe(Wire& w, ProduceRequest& m) {
  w.text(m.transactional_id);
  w.number(m.acks);
  w.number(m.timeout_ms);
  w.list(m.topics, [&](ProduceRequest::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](ProduceRequest::Partition& partition) {
      w.number(partition.index);
      w.records(partition.records);
    });
  });
}

inline void describe(Wire& w, ProduceResponse& m) {
  w.list(m.topics, [&](ProduceResponse::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](ProduceResponse::Partition& partition) {
      w.number(partition.index);
      w.number(partition.error);
      w.number(partition.base_offset);
      w.number(partition.append_time_ms);
      if (w.version() >= 5) w.number(partition.log_start);
      if (w.version() < 8) return;
      w.list(partition.record_errors, [&](ProduceResponse::RecordError& error) {
        w.number(error.index);
        w.text(error.message);
      });
      w.text(partition.message);
    });
  });
  w.number(m.throttle_ms);
}

inline void describe(Wire& w, FetchRequest::Partition& partition) {
  w.number(partition.index);
  if (w.version() >= 9) w.number(partition.leader_epoch);
  w.number(partition.offset);
  if (w.version() >= 12) w.number(partition.last_epoch);
  if (w.version() >= 5) w.number(partition.log_start);
  w.number(partition.bytes_max);
}

inline void describe(Wire& w, FetchRequest& m) {
  w.number(m.replica);
  w.number(m.wait_ms);
  w.number(m.bytes_min);
  w.number(m.bytes_max);
  w.number(m.isolation);
  if (w.version() >= 7) {
    w.number(m.session);
    w.number(m.session_epoch);
  }
  w.list(m.topics, [&](FetchRequest::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](FetchRequest::Partition& partition) { describe(w, partition); });
  });
  if (w.version() >= 7) {
    w.list(m.forgotten, [&](TopicPartitions& topic) {
      w.text(topic.topic);
      w.numbers(topic.partitions);
    });
  }
  if (w.version() >= 11) w.text(m.rack);
}

inline void describe(Wire& w, FetchResponse::Partition& partition) {
  w.number(partition.index);
  w.number(partition.error);
  w.number(partition.high_watermark);
  w.number(partition.last_stable);
  if (w.version() >= 5) w.number(partition.log_start);
  w.list(partition.aborted, [&](FetchResponse::Aborted& aborted) {
    w.number(aborted.producer_id);
    w.number(aborted.first_offset);
  });
  if (w.version() >= 11) w.number(partition.preferred_replica);
  w.records(partition.records);
}

inline void describe(Wire& w, FetchResponse& m) {
  w.number(m.throttle_ms);
  if (w.version() >= 7) {
    w.number(m.error);
    w.number(m.session);
  }
  w.list(m.topics, [&](FetchResponse::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](FetchResponse::Partition& partition) { describe(w, partition); });
  });
}

inline void describe(Wire& w, CreateTopicsRequest& m) {
  w.list(m.topics, [&](CreateTopicsRequest::Topic& topic) {
    w.text(topic.name);
    w.number(topic.partitions);
    w.number(topic.replication);
    w.list(topic.assignments, [&](CreateTopicsRequest::Assignment& assignment) {
      w.number(assignment.index);
      w.numbers(assignment.replicas);
    });
    w.list(topic.configs, [&](CreateTopicsRequest::Config& config) {
      w.text(config.name);
      w.text(config.value);
    });
  });
  w.number(m.timeout_ms);
  w.number(m.validate_only);
}

inline void describe(Wire& w, CreateTopicsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.topics, [&](CreateTopicsResponse::Topic& topic) {
    w.text(topic.name);
    w.number(topic.error);
    w.text(topic.message);
  });
}

inline void describe(Wire& w, CreatePartitionsRequest& m) {
  w.list(m.topics, [&](CreatePartitionsRequest::Topic& topic) {
    w.text(topic.name);
    w.number(topic.total);
    w.list(topic.assignments, [&](CreatePartitionsRequest::Assignment& assignment) { w.numbers(assignment.replicas); });
  });
  w.number(m.timeout_ms);
  w.number(m.validate_only);
}

inline void describe(Wire& w, CreatePartitionsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.topics, [&](CreatePartitionsResponse::Topic& topic) {
    w.text(topic.name);
    w.number(topic.error);
    w.text(topic.message);
  });
}

inline void describe(Wire& w, FindCoordinatorRequest& m) {
  w.text(m.name);
  w.number(m.type);
}

inline void describe(Wire& w, FindCoordinatorResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  w.text(m.message);
  w.number(m.node);
  w.text(m.host);
  w.number(m.port);
}

inline void describe(Wire& w, InitProducerIdRequest& m) {
  w.text(m.transactional_id);
  w.number(m.timeout_ms);
}

inline void describe(Wire& w, InitProducerIdResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  w.number(m.producer_id);
  w.number(m.epoch);
}

inline void describe(Wire& w, AddPartitionsToTxnRequest& m) {
  w.text(m.transactional_id);
  w.number(m.producer_id);
  w.number(m.epoch);
  w.list(m.topics, [&](TopicPartitions& topic) {
    w.text(topic.topic);
    w.numbers(topic.partitions);
  });
}

inline void describe(Wire& w, AddPartitionsToTxnResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.topics, [&](AddPartitionsToTxnResponse::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](AddPartitionsToTxnResponse::Partition& partition) {
      w.number(partition.index);
      w.number(partition.error);
    });
  });
}

inline void describe(Wire& w, EndTxnRequest& m) {
  w.text(m.transactional_id);
  w.number(m.producer_id);
  w.number(m.epoch);
  w.number(m.commit);
}

inline void describe(Wire& w, EndTxnResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  if (w.version() < 5) return;
  w.number(m.producer_id);
  w.number(m.epoch);
}

}  // namespace freshet::cluster::protocol
