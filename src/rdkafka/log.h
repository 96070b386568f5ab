// What librdkafka tells of by itself, in our log.
#pragma once

#include <librdkafka/rdkafka.h>

namespace freshet::rdkafka {

// For rd_kafka_conf_set_log_cb(). Thread-safe.
void forward_log(const rd_kafka_t* handle, int level, const char* facility, const char* words);

}  // namespace freshet::rdkafka
