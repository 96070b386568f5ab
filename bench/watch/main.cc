// freshet-bench-watch: plays the brokers of a large fleet, until it is killed, and writes the fleet.yaml that names
// them. What it costs to watch them is then measured on the real program (docs/fleet/watch.md).
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <fstream>
#include <memory>

#include "env/clock.h"
#include "watch/played_broker.h"

namespace freshet::bench {
namespace {

using Tcp = boost::asio::ip::tcp;
using NetError = boost::system::error_code;

constexpr uint32_t kFrameBytesMax = 64u << 20;

// One request at a time.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(Tcp::socket socket, const PlayedCluster& cluster, uint32_t broker, env::TimeUs begin_us)
      : socket_(std::move(socket)), cluster_(cluster), broker_(broker), begin_us_(begin_us) {}

  void read() {
    boost::asio::async_read(socket_, boost::asio::buffer(size_), [self = shared_from_this()](NetError error, size_t) {
      if (!error) self->read_frame();
    });
  }

 private:
  void read_frame() {
    uint32_t size = 0;
    for (const uint8_t byte : size_) size = size << 8 | byte;
    if (size > kFrameBytesMax) return;
    frame_.resize(size);
    boost::asio::async_read(socket_, boost::asio::buffer(frame_), [self = shared_from_this()](NetError error, size_t) {
      if (!error) self->write();
    });
  }
  void write() {
    auto answer = answer_of(cluster_, broker_, frame_, env::real_clock().monotonic_us() - begin_us_);
    if (!answer) return;
    answer_ = *std::move(answer);
    boost::asio::async_write(socket_, boost::asio::buffer(answer_),
                             [self = shared_from_this()](NetError error, size_t) {
                               if (!error) self->read();
                             });
  }

  Tcp::socket socket_;
  const PlayedCluster& cluster_;
  const uint32_t broker_;
  const env::TimeUs begin_us_;
  std::array<uint8_t, 4> size_{};
  std::string frame_, answer_;
};

void accept(Tcp::acceptor& acceptor, const PlayedCluster& cluster, uint32_t broker, env::TimeUs begin_us) {
  acceptor.async_accept([&acceptor, &cluster, broker, begin_us](NetError error, Tcp::socket socket) {
    if (error) return;
    std::make_shared<Session>(std::move(socket), cluster, broker, begin_us)->read();
    accept(acceptor, cluster, broker, begin_us);
  });
}

int run(uint32_t clusters, const PlayedCluster& like, const std::string& file) {
  boost::asio::io_context io;
  std::vector<std::unique_ptr<Tcp::acceptor>> acceptors;
  std::vector<PlayedCluster> played(clusters, like);
  const env::TimeUs begin_us = env::real_clock().monotonic_us();
  std::string text = "fleet: played\nregions: [{name: r, zones: [a, b, c]}]\nclusters:\n";
  for (uint32_t c = 0; c < clusters; ++c) {
    played[c].id = fmt::format("played-{}", c);
    for (uint32_t b = 0; b < like.brokers; ++b) {
      acceptors.push_back(std::make_unique<Tcp::acceptor>(io, Tcp::endpoint(Tcp::v4(), 0)));
      played[c].ports.push_back(acceptors.back()->local_endpoint().port());
      accept(*acceptors.back(), played[c], b, begin_us);
    }
    text += fmt::format("  - {{name: c{}, brokers: {}, connect: {{bootstrap: \"127.0.0.1:{}\", cluster_id: {}}}}}\n", c,
                        like.brokers, played[c].ports[0], played[c].id);
  }
  if (!(std::ofstream(file) << text)) return 1;
  fmt::print("{} clusters, {} brokers, {} partitions: {}\n", clusters, clusters * like.brokers,
             clusters * like.topics * like.partitions, file);
  std::fflush(stdout);
  io.run();
  return 0;
}

}  // namespace
}  // namespace freshet::bench

int main(int argc, char** argv) {
  CLI::App app("Plays the brokers of a large fleet");
  uint32_t clusters = 20;
  freshet::bench::PlayedCluster like;
  std::string file;
  app.add_option("FILE", file, "The fleet.yaml to write")->required();
  app.add_option("--clusters", clusters, "Clusters")->check(CLI::Range(1, 1000));
  app.add_option("--brokers", like.brokers, "Brokers of each")->check(CLI::Range(3, 100));
  app.add_option("--topics", like.topics, "Topics of each")->check(CLI::Range(1, 10'000));
  app.add_option("--partitions", like.partitions, "Partitions of each topic")->check(CLI::Range(1, 1000));
  app.add_option("--groups", like.groups, "Groups of each cluster")->check(CLI::Range(1, 10'000));
  CLI11_PARSE(app, argc, argv);
  return freshet::bench::run(clusters, like, file);
}
