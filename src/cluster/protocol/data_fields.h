// The fields of data_messages.h, as messages.cc has those of the others, which includes this. Private to
// src/cluster/protocol.
#pragma once

#include "cluster/protocol/data_messages.h"

namespace freshet::cluster::protocol {

template <class W>
void describe(W& w, ProduceRequest& m) {
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

template <class W>
void describe(W& w, ProduceResponse& m) {
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

template <class W>
void describe(W& w, FetchRequest::Partition& partition) {
  w.number(partition.index);
  if (w.version() >= 9) w.number(partition.leader_epoch);
  w.number(partition.offset);
  if (w.version() >= 12) w.number(partition.last_epoch);
  if (w.version() >= 5) w.number(partition.log_start);
  w.number(partition.bytes_max);
}

template <class W>
void describe(W& w, FetchRequest& m) {
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

template <class W>
void describe(W& w, FetchResponse::Partition& partition) {
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

template <class W>
void describe(W& w, FetchResponse& m) {
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

template <class W>
void describe(W& w, CreateTopicsRequest& m) {
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

template <class W>
void describe(W& w, CreateTopicsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.topics, [&](CreateTopicsResponse::Topic& topic) {
    w.text(topic.name);
    w.number(topic.error);
    w.text(topic.message);
  });
}

template <class W>
void describe(W& w, CreatePartitionsRequest& m) {
  w.list(m.topics, [&](CreatePartitionsRequest::Topic& topic) {
    w.text(topic.name);
    w.number(topic.total);
    w.list(topic.assignments, [&](CreatePartitionsRequest::Assignment& assignment) { w.numbers(assignment.replicas); });
  });
  w.number(m.timeout_ms);
  w.number(m.validate_only);
}

template <class W>
void describe(W& w, CreatePartitionsResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.topics, [&](CreatePartitionsResponse::Topic& topic) {
    w.text(topic.name);
    w.number(topic.error);
    w.text(topic.message);
  });
}

template <class W>
void describe(W& w, FindCoordinatorRequest& m) {
  w.text(m.name);
  w.number(m.type);
}

template <class W>
void describe(W& w, FindCoordinatorResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  w.text(m.message);
  w.number(m.node);
  w.text(m.host);
  w.number(m.port);
}

template <class W>
void describe(W& w, InitProducerIdRequest& m) {
  w.text(m.transactional_id);
  w.number(m.timeout_ms);
}

template <class W>
void describe(W& w, InitProducerIdResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  w.number(m.producer_id);
  w.number(m.epoch);
}

template <class W>
void describe(W& w, AddPartitionsToTxnRequest& m) {
  w.text(m.transactional_id);
  w.number(m.producer_id);
  w.number(m.epoch);
  w.list(m.topics, [&](TopicPartitions& topic) {
    w.text(topic.topic);
    w.numbers(topic.partitions);
  });
}

template <class W>
void describe(W& w, AddPartitionsToTxnResponse& m) {
  w.number(m.throttle_ms);
  w.list(m.topics, [&](AddPartitionsToTxnResponse::Topic& topic) {
    w.text(topic.name);
    w.list(topic.partitions, [&](AddPartitionsToTxnResponse::Partition& partition) {
      w.number(partition.index);
      w.number(partition.error);
    });
  });
}

template <class W>
void describe(W& w, EndTxnRequest& m) {
  w.text(m.transactional_id);
  w.number(m.producer_id);
  w.number(m.epoch);
  w.number(m.commit);
}

template <class W>
void describe(W& w, EndTxnResponse& m) {
  w.number(m.throttle_ms);
  w.number(m.error);
  if (w.version() < 5) return;
  w.number(m.producer_id);
  w.number(m.epoch);
}

}  // namespace freshet::cluster::protocol
