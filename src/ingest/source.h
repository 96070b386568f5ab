// A source is one way in: the addresses that it serves, how its senders prove who they are, what a body becomes, and
// what its senders expect for an answer. Each has a folder under sources/ and a line in sources.cc; from that one list
// come the listener's routing and its 404, the replay of dead letters, the labels of metrics, and the test that
// compares the addresses with docs/api/ingest.yaml.
//
// A source is constant and thread-safe: it keeps nothing between requests. docs/sources/README.md adds one.
#pragma once

#include <google/protobuf/arena.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "freshet/v1/event.pb.h"
#include "http/message.h"
#include "ingest/auth.h"
#include "ingest/items/parsed.h"

namespace freshet::ingest {

// How the requests of an address are answered.
enum class Way : uint8_t {
  kItems,     // the body is parsed into envelopes, which are appended
  kQuestion,  // by the head alone: what libraries ask before they send
  kImport,    // by Imports, which keeps state between requests
  kLogs,      // by Logs, which has a topic and bounds of its own
};

// One address, and one row of docs/api/ingest.yaml.
struct Route {
  std::string_view method;
  std::string_view path;      // http/routes.h
  std::string_view call;      // what the source calls it: batch, track, …
  std::string_view endpoint;  // without keys and ids: for metrics and dead letters
  Way way = Way::kItems;
};

// A request as a source sees it: its head, because the body is handed over decoded.
struct Exchange {
  const http::Request& request;
  const Route& route;
  std::string_view argument;   // app id, key or import id in the address, decoded; "" if it has none
  std::string_view random_id;  // 16 bytes of this request
};

// Why a request is refused as a whole.
struct Refusal {
  int status = 400;
  std::string_view code;
  std::string message;
  std::string_view attribute = {};  // the member that is wrong, if one is
  uint32_t retry_after_s = 1;       // of 429 and 503
  uint64_t events_per_second = 0;   // of 429: the rate that is exceeded; 0: none is said
  int64_t at_us = 0;                // of 429: when it is said; 0: unknown
};

class Source {
 public:
  virtual ~Source() = default;

  // In envelopes, dead letters and metrics.
  [[nodiscard]] virtual std::string_view name() const = 0;
  [[nodiscard]] virtual std::span<const Route> routes() const = 0;
  // Of one request, decompressed.
  [[nodiscard]] virtual size_t body_bytes_max() const = 0;
  // Whether slashes too many in an address do not count. Libraries and partners are given a host, and one with a slash
  // at its end makes them call //v1/batch. At an address that somebody writes down, one spelling is right: what a proxy
  // before us closes by its path stays closed.
  [[nodiscard]] virtual bool forgives_slashes() const { return false; }

  // Who sends, by the head of the request alone, so that a stranger's body is not even read.
  [[nodiscard]] virtual tl::expected<Sender, Refusal> authenticate(const Tenants& tenants,
                                                                   const Exchange& exchange) const;
  // Whether a body may name its sender where the head does not, and then who that is. The body is decoded.
  [[nodiscard]] virtual bool takes_key_in_body() const { return false; }
  [[nodiscard]] virtual std::optional<Sender> sender_of_body(const Tenants&, std::string_view) const { return {}; }

  // Whether items may stand in the query of this address, where a GET has them, and a POST without a body: parse() gets
  // it as it was sent. HEAD of such an address takes nothing, whatever it says.
  [[nodiscard]] virtual bool takes_items_in_query(const Route&) const { return false; }

  // Way::kItems: an Error condemns the whole body.
  [[nodiscard]] virtual ParseResult parse(const Route& route, std::string_view body, const AdapterContext& context,
                                          google::protobuf::Arena& arena) const;
  // One dead letter, which holds one item of a request by `route`, as if it came again.
  [[nodiscard]] virtual ParseResult parse_again(const Route& route, const v1::DeadLetter& letter,
                                                const AdapterContext& context, google::protobuf::Arena& arena) const;
  // Way::kQuestion.
  [[nodiscard]] virtual tl::expected<http::Response, Refusal> answer_question(const Tenants& tenants,
                                                                              const Exchange& exchange) const;

  // The answer to a body whose items were appended or rejected one by one (Way::kItems, kLogs), in this source's own
  // shape.
  [[nodiscard]] virtual http::Response answer(const Exchange& exchange, const Parsed& parsed) const;
  [[nodiscard]] virtual http::Response refuse(const Exchange& exchange, const Refusal& refusal) const;
};

}  // namespace freshet::ingest
