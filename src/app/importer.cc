// The client of the import protocol. The file is read twice, first for the hash that makes a
// repeated import the same one, then to be sent; the second hash shows whether it changed in
// between.

#include "app/importer.h"

#include <simdjson.h>
#include <sodium/crypto_hash_sha256.h>

#include <algorithm>
#include <optional>

#include "app/json_output.h"
#include "base/assert.h"
#include "base/hash.h"

namespace freshet::app {
namespace {

// More than a row may have, so every full chunk makes progress.
constexpr size_t kChunkBytes = 2u << 20;
// A server that answers and takes nothing, again and again, would otherwise keep this up for ever.
constexpr int kStallsMax = 20;
constexpr env::TimeUs kWaitMinUs = 200'000;
constexpr env::TimeUs kWaitMaxUs = 5'000'000;

// The hash is also that of sha256sum, so a person can compare it.
class Sha256 {
 public:
  Sha256() { crypto_hash_sha256_init(&state_); }
  void add(std::string_view bytes) {
    crypto_hash_sha256_update(&state_, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  }
  std::string hex() {
    unsigned char digest[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_final(&state_, digest);
    return to_hex({reinterpret_cast<const char*>(digest), sizeof digest});
  }

 private:
  crypto_hash_sha256_state state_;
};

// What the server said, as far as its answer could be read.
struct Answer {
  int status = 0;
  std::string id;
  uint64_t offset = 0;
  uint64_t accepted = 0;
  uint64_t rejected = 0;
  bool complete = false;
  bool has_offset = false;
  std::string code;
  std::string message;
  std::vector<std::pair<uint64_t, std::string>> rows;
};

Answer parse_answer(const http::Response& response) {
  Answer answer;
  answer.status = response.status;
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  if (parser.parse(response.body).get(root) != simdjson::SUCCESS) return answer;
  const auto text = [&](simdjson::dom::element from, const char* pointer, std::string& out) {
    // Members that are absent leave what is there: an error has no offset.
    std::string_view view;
    if (from.at_pointer(pointer).get(view) == simdjson::SUCCESS) out = view;
  };
  const auto count = [](simdjson::dom::element from, const char* pointer, uint64_t& out) {
    return from.at_pointer(pointer).get(out) == simdjson::SUCCESS;
  };
  std::string state;
  text(root, "/id", answer.id);
  text(root, "/state", state);
  text(root, "/error/code", answer.code);
  text(root, "/error/message", answer.message);
  answer.complete = state == "complete";
  answer.has_offset = count(root, "/offset", answer.offset) && count(root, "/accepted", answer.accepted) &&
                      count(root, "/rejected", answer.rejected);
  simdjson::dom::array rows;
  if (root.at_pointer("/rejected_rows").get(rows) != simdjson::SUCCESS) return answer;
  for (const simdjson::dom::element row : rows) {
    auto& [line, reason] = answer.rows.emplace_back();
    if (count(row, "/line", line)) text(row, "/message", reason);
  }
  return answer;
}

class Importer {
  // One import from its beginning to its end.
 public:
  Importer(const ImportJob& job, const ImportHooks& hooks, env::Clock& clock)
      : job_(job), hooks_(hooks), clock_(clock) {}

  Result<ImportOutcome> run() {
    FRESHET_ASSERT(hooks_.open && hooks_.connect && hooks_.progress && hooks_.say && hooks_.rejected);
    FRESHET_TRY(hash_content());
    FRESHET_TRY(retry([&] { return start(); }));
    outcome_.resumed_at = answer_.complete ? 0 : answer_.offset;
    outcome_.was_complete = answer_.complete;
    if (outcome_.resumed_at > 0)
      hooks_.say("an earlier import of this file came to byte " + std::to_string(answer_.offset) +
                 ": going on from there");
    if (!answer_.complete) FRESHET_TRY(open_at(answer_.offset));
    while (!answer_.complete) FRESHET_TRY(send_some());
    outcome_.id = answer_.id;
    outcome_.accepted = answer_.accepted;
    outcome_.rejected = answer_.rejected;
    return outcome_;
  }

 private:
  Status hash_content() {
    FRESHET_ASSIGN(auto content, hooks_.open());
    Sha256 hash;
    std::string buffer(kChunkBytes, '\0');
    while (true) {
      FRESHET_ASSIGN(const auto count, content->read(buffer));
      if (count == 0) break;
      hash.add(std::string_view(buffer).substr(0, count));
      outcome_.bytes += count;
      hooks_.progress("reading", content->file_position(), content->file_size());
    }
    content_hash_ = hash.hex();
    if (outcome_.bytes == 0) return fail(Code::kInvalid, job_.file + ": is empty");
    return {};
  }

  http::Request request(const std::string& method, const std::string& path, std::string body) const {
    http::Request request;
    request.method = method;
    request.path = path;
    request.headers = {{"authorization", "Bearer " + job_.key}};
    request.body = std::move(body);
    return request;
  }

  // Sends a request and takes its answer in. kRetry: the server is away, or says that it can't now.
  Status exchange(http::Request request) {
    if (!client_) {
      auto client = hooks_.connect();
      if (!client)
        return fail(client.error().code == Code::kInvalid ? Code::kInvalid : Code::kRetry, client.error().message);
      client_ = std::move(*client);
    }
    const auto response = client_->send(request);
    if (!response) {
      client_.reset();
      return fail(Code::kRetry, response.error().message);
    }
    Answer answer = parse_answer(*response);
    if (response->status == 429 || response->status >= 500 || answer.code == "busy") {
      return fail(Code::kRetry, "the server answered " + std::to_string(response->status) +
                                    (answer.message.empty() ? "" : ": " + answer.message));
    }
    answer_ = std::move(answer);
    return {};
  }

  Status refused() const {
    const std::string message =
        answer_.message.empty() ? "the server answered " + std::to_string(answer_.status) : answer_.message;
    return fail(answer_.status == 400 || answer_.status == 422 ? Code::kInvalid : Code::kFatal, message);
  }

  // Starting an import that exists finds it, so this may be repeated whenever it is not known what
  // came of it.
  Status start() {
    std::string body = json_text([&](JsonWriter& json) {
      json.begin_object().member("content_hash", content_hash_).member("size", outcome_.bytes);
      json.member("name", job_.file.substr(job_.file.rfind('/') + 1)).member("tenant", job_.tenant);
      json.member("mapping", job_.mapping).end_object();
    });
    http::Request post = request("POST", "/v1/imports", std::move(body));
    post.headers.emplace_back("content-type", "application/json");
    FRESHET_TRY(exchange(std::move(post)));
    if (answer_.status >= 300) return refused();
    if (answer_.id.empty() || !answer_.has_offset)
      return fail(Code::kFatal, "the server's answer is not one of Freshet's import endpoint; check --url");
    id_ = answer_.id;
    return {};
  }

  // Repeats the attempt until it works, is refused, or nothing has worked for the timeout.
  Status retry(const std::function<Status()>& attempt) {
    const env::TimeUs give_up = clock_.monotonic_us() + job_.timeout_us;
    env::TimeUs wait_us = kWaitMinUs;
    bool said = false;
    while (true) {
      const Status status = attempt();
      if (status || status.error().code != Code::kRetry) return status;
      if (clock_.monotonic_us() + wait_us > give_up) {
        return fail(Code::kRetry, status.error().message + "; gave up after " +
                                      std::to_string(job_.timeout_us / 1'000'000) +
                                      " s without progress. Run the same command again to go on");
      }
      if (!said) hooks_.say("waiting for the server (" + status.error().message + ")");
      said = true;
      clock_.sleep_us(wait_us);
      wait_us = std::min(wait_us * 2, kWaitMaxUs);
    }
  }

  // Opens the content at `offset`. It is read from its start, because the hash needs all of it and
  // compressed files can't be entered in their midst.
  Status open_at(uint64_t offset) {
    FRESHET_ASSIGN(auto content, hooks_.open());
    content_ = std::move(content);
    hash_ = Sha256();
    buffer_.clear();
    offset_ = 0;
    at_end_ = false;
    while (offset_ < offset) {
      std::string skipped(std::min<uint64_t>(kChunkBytes, offset - offset_), '\0');
      FRESHET_ASSIGN(const auto count, content_->read(skipped));
      if (count < skipped.size()) return changed();
      hash_.add(skipped);
      offset_ += count;
    }
    return {};
  }

  Status changed() const {
    return fail(Code::kCorrupt,
                job_.file + ": the file changed while it was being imported; run the command again when it is whole");
  }

  // Fills the buffer up to a whole chunk, or to the end of the content, where the hash is compared.
  Status fill() {
    if (at_end_ || buffer_.size() >= kChunkBytes) return {};
    const size_t before = buffer_.size();
    FRESHET_ASSERT(before <= kChunkBytes);
    buffer_.resize(kChunkBytes);
    FRESHET_ASSIGN(const auto count, content_->read(std::span(buffer_).subspan(before)));
    at_end_ = before + count < kChunkBytes;
    buffer_.resize(before + count);
    hash_.add(std::string_view(buffer_).substr(before));
    return at_end_ && hash_.hex() != content_hash_ ? changed() : Status{};
  }

  // Sends one chunk, until the server has taken some of it.
  Status send_some() {
    FRESHET_TRY(fill());
    bool ask_first = false;  // the last try broke off, and what it did is not known
    const Status status = retry([&]() -> Status {
      if (ask_first) {
        FRESHET_TRY(exchange(request("GET", "/v1/imports/" + id_, "")));
        // The server has lost the import (another data directory), so it is started anew.
        if (answer_.status == 404) return start();
        if (answer_.status >= 300) return refused();
        if (answer_.complete || answer_.offset != offset_) return {};
      }
      ask_first = true;
      http::Request patch = request("PATCH", "/v1/imports/" + id_, buffer_);
      patch.headers.emplace_back("upload-offset", std::to_string(offset_));
      patch.headers.emplace_back("content-type", "application/octet-stream");
      if (at_end_) patch.headers.emplace_back("upload-complete", "?1");
      FRESHET_TRY(exchange(std::move(patch)));
      if (answer_.status == 404) return start();
      // The server is at another offset; its answer has the right one.
      const bool moved = answer_.status == 409 && answer_.has_offset;
      return answer_.status < 300 || moved ? Status{} : refused();
    });
    FRESHET_TRY(status);
    for (const auto& [line, reason] : answer_.rows) {
      if (line <= last_line_) continue;  // it was told before
      last_line_ = line;
      hooks_.rejected(line, reason);
    }
    return move_to(answer_.offset);
  }

  Status move_to(uint64_t offset) {
    if (answer_.complete) return {};
    // The server is somewhere else than the buffer, so the content is opened there.
    if (offset < offset_ || offset > offset_ + buffer_.size()) return open_at(offset);
    stalls_ = offset == offset_ ? stalls_ + 1 : 0;
    if (stalls_ > kStallsMax) return fail(Code::kFatal, "the server takes nothing of what is sent");
    FRESHET_ASSERT(offset - offset_ <= buffer_.size());
    buffer_.erase(0, offset - offset_);
    offset_ = offset;
    hooks_.progress("sending", offset_, outcome_.bytes);
    return {};
  }

  const ImportJob& job_;
  const ImportHooks& hooks_;
  env::Clock& clock_;
  ImportOutcome outcome_;
  std::string content_hash_;
  std::unique_ptr<http::Client> client_;
  Answer answer_;
  std::string id_;
  std::unique_ptr<Content> content_;
  Sha256 hash_;
  std::string buffer_;  // the content from offset_ on
  uint64_t offset_ = 0;
  bool at_end_ = false;  // nothing follows the buffer
  uint64_t last_line_ = 0;
  int stalls_ = 0;  // chunks in a row of which nothing was taken
};

}  // namespace

Result<ImportOutcome> run_import(const ImportJob& job, const ImportHooks& hooks, env::Clock& clock) {
  return Importer(job, hooks, clock).run();
}

}  // namespace freshet::app
