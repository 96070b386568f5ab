// freshet-bench-sinks: what a sink's own work takes of the processor for an event, without reading the log and without
// its target: how events become files in each format, and rows for PostgreSQL. Each way gets the same events in turn,
// several times; the least of the rounds counts, as whatever else the machine does only adds to it.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <functional>
#include <iostream>
#include <string>
#include <vector>

#include "base/assert.h"
#include "common/cpu_time.h"
#include "common/zipf.h"
#include "model/time.h"
#include "sinks/files/layout.h"
#include "sinks/postgres/event_rows.h"

namespace freshet::bench {
namespace {

constexpr uint64_t kUsers = 100'000;
constexpr int64_t kBeginUs = 1'767'323'000'000'000;

// Events of about 500 bytes, as action writes them.
std::vector<sinks::Item> make_events(size_t count) {
  constexpr const char* kNames[] = {"Order Completed", "Product Viewed", "Page Viewed", "Added To Cart"};
  constexpr const char* kCities[] = {"Pune", "Oslo", "Lima", "Kyoto", "Austin"};
  Numbers numbers(1);
  const Zipf users(kUsers, 0.99);
  std::vector<sinks::Item> events;
  for (size_t i = 0; i < count; ++i) {
    const int64_t at = kBeginUs + static_cast<int64_t>(i) * 500;
    const std::string time = model::format_time(at);
    std::string value = fmt::format(
        R"({{"message_id":"{:016x}{:016x}","tenant":"acme","user":"{:032x}","event":"{}","properties":{{"total":{}.{:02},"currency":"USD","product":"p-{}","page":"/shop/{}/{}","referrer":"https://example.com/{:x}","quantity":{},"gift":{}}},"timestamp":"{}","received_at":"{}","source":"segment","enriched":{{"city":"{}"}}}})",
        numbers.next(), numbers.next(), users.sample(numbers), kNames[numbers.below(4)], numbers.below(500),
        numbers.below(100), numbers.below(5000), numbers.below(50), numbers.below(1000), numbers.next(),
        numbers.below(9), numbers.below(2) == 0, time, time, kCities[numbers.below(5)]);
    events.push_back({static_cast<eventlog::Offset>(i), at, "u", std::move(value)});
  }
  return events;
}

// A way of the work: what it is called, and what it makes of a batch, in bytes.
struct Way {
  std::string name;
  std::function<size_t(const sinks::Batch&)> run;
  double cpu_us = 0;  // for an event
  size_t bytes = 0;
};

std::vector<Way> ways() {
  std::vector<Way> all;
  for (const auto format : {model::FileFormat::kLines, model::FileFormat::kParquet}) {
    for (const auto how : {model::Compression::kNone, model::Compression::kGzip, model::Compression::kZstd}) {
      sinks::FileStyle style;
      style.format = format;
      style.compression = how;
      if (format == model::FileFormat::kParquet) style.columns = {"total:number", "quantity:integer", "product"};
      all.push_back({fmt::format("{}_{}", name_of(format), name_of(how)), [style](const sinks::Batch& batch) {
                       const sinks::FileLayout layout("acme", "lake");
                       size_t bytes = 0;
                       for (const sinks::MadeFile& file : layout.make(batch, style)) bytes += file.content.size();
                       return bytes;
                     }});
    }
  }
  all.push_back({"postgres_rows", [](const sinks::Batch& batch) {
                   const auto rows = sinks::rows_of_events(batch, {"total"});
                   FRESHET_ASSERT(rows.has_value());
                   return rows->size();
                 }});
  return all;
}

int main_of(int argc, char** argv) {
  CLI::App app{"CPU of sinks for an event"};
  size_t count = 20'000;
  int rounds = 5;
  app.add_option("--events", count, "of a batch")->check(CLI::Range(1, 1'000'000));
  app.add_option("--rounds", rounds, "the least of them counts")->check(CLI::Range(1, 1000));
  CLI11_PARSE(app, argc, argv);
  const std::vector<sinks::Item> events = make_events(count);
  size_t bytes = 0;
  for (const sinks::Item& event : events) bytes += event.value.size();
  const sinks::Batch batch{{eventlog::Topic::kEvents, 0}, 0, static_cast<eventlog::Offset>(count), events};
  std::vector<Way> all = ways();
  for (int round = 0; round < rounds; ++round) {
    for (Way& way : all) {
      const int64_t before = thread_cpu_ns();
      way.bytes = way.run(batch);
      const double us = static_cast<double>(thread_cpu_ns() - before) / 1000 / static_cast<double>(count);
      way.cpu_us = round == 0 ? us : std::min(way.cpu_us, us);
    }
  }
  std::string out = fmt::format(R"({{"events":{},"bytes_per_event":{})", count, bytes / count);
  for (const Way& way : all)
    out += fmt::format(R"(,"{}":{{"cpu_us_per_event":{:.2f},"bytes_per_event":{:.1f}}})", way.name, way.cpu_us,
                       static_cast<double>(way.bytes) / static_cast<double>(count));
  std::cout << out << "}\n";
  return 0;
}

}  // namespace
}  // namespace freshet::bench

int main(int argc, char** argv) { return freshet::bench::main_of(argc, argv); }
