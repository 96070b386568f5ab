// Objects on S3. Each request is tried some times with growing pauses, because S3 asks clients to
// (SlowDown, 5xx); every attempt is signed anew, since a signature is good for a few minutes only.

#include "objectstore/s3.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include "base/assert.h"
#include "base/text.h"
#include "env/file.h"
#include "objectstore/credentials.h"
#include "objectstore/s3_xml.h"
#include "objectstore/sigv4.h"
#include "objectstore/transfer.h"

namespace freshet::objectstore {
namespace {

constexpr env::TimeUs kBackoffMaxUs = 5'000'000;
constexpr env::TimeUs kNapUs = 50'000;  // how late a cancel may be seen

// What a request sends: bytes in memory, or a part of a file. It can be rewound for another
// attempt.
class Body {
 public:
  explicit Body(std::string_view bytes = {}) : bytes_(bytes), size_(bytes.size()) {}
  Body(int file, uint64_t size, Pace& pace) : file_(file), size_(size), pace_(&pace) {}
  Body(std::string_view bytes, Pace& pace) : bytes_(bytes), size_(bytes.size()), pace_(&pace) {}

  [[nodiscard]] uint64_t size() const { return size_; }
  void rewind() { at_ = 0; }
  size_t read(char* buffer, size_t bytes) {
    FRESHET_ASSERT(at_ <= size_);
    bytes = std::min<uint64_t>(bytes, size_ - at_);
    if (pace_ != nullptr) pace_->take(bytes);
    if (file_ < 0) {
      std::memcpy(buffer, bytes_.data() + at_, bytes);
    } else {
      // A file that is shorter than it was sends too little, which fails the whole call.
      const ssize_t got = ::pread(file_, buffer, bytes, static_cast<off_t>(at_));
      bytes = got > 0 ? static_cast<size_t>(got) : 0;
    }
    at_ += bytes;
    return bytes;
  }

 private:
  std::string_view bytes_;
  int file_ = -1;
  uint64_t size_ = 0, at_ = 0;
  Pace* pace_ = nullptr;
};

// 409 ConditionalRequestConflict: another request for the same key was under way, and may have
// failed.
bool is_transient(long status, const std::string& code) {
  return status >= 500 || status == 429 || status == 408 || code == "SlowDown" || code == "RequestTimeout" ||
         code == "ConditionalRequestConflict" || code == "OperationAborted";
}

Code code_of(long status, const S3Error& error) {
  if (is_transient(status, error.code)) return Code::kRetry;
  if (status == 412 || status == 409) return Code::kConflict;
  // A missing bucket is a mistake of the configuration, a missing object is an answer.
  if (status == 404 && error.code != "NoSuchBucket") return Code::kNotFound;
  return Code::kInvalid;
}

std::string hint_of(const S3Error& error) {
  if (error.code == "NoSuchBucket") return ": make the bucket first";
  if (error.code == "RequestTimeTooSkewed") return ": this machine's clock is wrong";
  if (error.code == "ExpiredToken" || error.code == "TokenRefreshRequired")
    return ": the credentials have expired: those of a file (AWS_SHARED_CREDENTIALS_FILE) are read again, those of the "
           "environment with a restart";
  if (error.code == "SignatureDoesNotMatch" || error.code == "InvalidAccessKeyId" || error.code == "AccessDenied")
    return ": check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_REGION and what they are allowed";
  return {};
}

// Other credentials may be let in.
bool refuses_credentials(const Answer& answer, const S3Error& error) {
  return answer.status == 401 || answer.status == 403 || error.code == "ExpiredToken" ||
         error.code == "TokenRefreshRequired" || error.code == "InvalidToken";
}

class S3Store final : public ObjectStore {
 public:
  S3Store(const StoreOptions& options, S3Address address, S3Endpoint endpoint, env::Clock& clock, env::Random& random)
      : options_(options),
        credentials_(options.credentials, options.credentials_file),
        address_(std::move(address)),
        endpoint_(std::move(endpoint)),
        where_(options.to),
        clock_(clock),
        random_(random) {}

  Status put_new(const std::string& key, std::string_view content) override {
    Body body(content);
    return done(exchange("PUT", key, {}, {{"if-none-match", "*"}}, sha256(content), body));
  }
  Status put_file(const std::string& key, const LocalFile& file, Pace& pace) override;
  Status copy(const std::string& from, const std::string& to) override;
  Status get(const std::string& key, Pace& pace, const Sink& sink) override;
  Result<std::vector<Object>> list(const std::string& prefix) override;
  Status remove(const std::string& key) override {
    Body none;
    return done(exchange("DELETE", key, {}, {}, sha256(""), none));
  }
  void cancel() override { transfer_.cancel(); }
  [[nodiscard]] Status check_credentials() const { return credentials_.check(); }
  const std::string& where() const override { return where_; }

 private:
  [[nodiscard]] std::string name_of(const std::string& key) const {
    return address_.prefix.empty() ? key : address_.prefix + "/" + key;
  }
  // Tries as often as the options say, then says why not. `range` gives the value of the header
  // "range" for each attempt.
  Result<Answer> exchange(const std::string& method, const std::string& key, const Fields& query, Fields headers,
                          const Digest& body_sha256, Body& body, const Sink& sink = nullptr,
                          const std::function<std::optional<std::string>()>& range = nullptr);
  Result<Answer> attempt(const S3Request& request, Body& body, const Sink& sink, bool& credentials_refused);
  [[nodiscard]] tl::unexpected<Error> refused(const std::string& method, const std::string& key, Error error) const {
    return fail(error.code, fmt::format("{}: {} {}: {}", where_, method, key.empty() ? "(list)" : key, error.message));
  }
  bool wait_before(uint32_t attempt);
  static Status done(Result<Answer> answer) {
    if (!answer) return tl::unexpected(std::move(answer).error());
    return {};
  }
  Status put_parts(const std::string& key, const LocalFile& file, int descriptor, Pace& pace);
  Result<std::vector<std::string>> send_parts(const std::string& key, const std::string& upload, const LocalFile& file,
                                              int descriptor, Pace& pace);

  const StoreOptions options_;
  CredentialSource credentials_;
  const S3Address address_;
  const S3Endpoint endpoint_;
  const std::string where_;
  env::Clock& clock_;
  env::Random& random_;
  Transfer transfer_;
};

// The pause is twice as long each time, with half of it random, so that many clients don't come
// back together. It is slept in naps, so that a cancel is seen.
bool S3Store::wait_before(uint32_t attempt) {
  const env::TimeUs most = std::min<env::TimeUs>(options_.backoff_us << std::min(attempt, 10u), kBackoffMaxUs);
  const auto dice = static_cast<unsigned char>(random_.bytes(1)[0]);
  const env::TimeUs end = clock_.monotonic_us() + most / 2 + most * dice / 512;
  while (!transfer_.cancelled() && clock_.monotonic_us() < end) clock_.sleep_us(kNapUs);
  return !transfer_.cancelled();
}

Result<Answer> S3Store::attempt(const S3Request& request, Body& body, const Sink& sink, bool& credentials_refused) {
  Call call;
  call.method = request.method;
  call.url =
      fmt::format("{}://{}{}", endpoint_.tls ? "https" : "http", endpoint_.host, percent_encode(request.path, "/"));
  if (!request.query.empty()) call.url += "?" + query_of(request.query);
  call.headers = request.headers;
  body.rewind();
  call.body_bytes = body.size();
  call.body = [&body](char* buffer, size_t bytes) { return body.read(buffer, bytes); };
  call.sink = sink;
  auto answer = transfer_.send(call);
  if (!answer) return answer;
  const S3Error error = read_s3_error(answer->body);
  credentials_refused = refuses_credentials(*answer, error);
  // Some answers (CopyObject, CompleteMultipartUpload) begin with 200 before it is known how they
  // end, and have an error in the body then.
  if (answer->status / 100 == 2 && error.code.empty()) return answer;
  if (answer->status / 100 == 2) return fail(Code::kRetry, error.code + " " + error.message);
  return fail(code_of(answer->status, error),
              fmt::format("{} {} {}{}", answer->status, error.code, error.message, hint_of(error)));
}

Result<Answer> S3Store::exchange(const std::string& method, const std::string& key, const Fields& query, Fields headers,
                                 const Digest& body_sha256, Body& body, const Sink& sink,
                                 const std::function<std::optional<std::string>()>& range) {
  headers.emplace_back("host", endpoint_.host);
  for (uint32_t i = 0;; ++i) {
    const std::string path = "/" + address_.bucket + (key.empty() ? "" : "/" + name_of(key));
    S3Request request{method, path, query, headers, body_sha256};
    // A read that was broken off asks only for the rest.
    if (const auto wanted = range ? range() : std::nullopt) request.headers.emplace_back("range", *wanted);
    const Credentials used = credentials_.get();
    bool credentials_refused = false;
    sign(request, used, options_.region, clock_.now_us());
    auto answer = attempt(request, body, sink, credentials_refused);
    if (answer) return answer;
    if (credentials_refused && credentials_.has_others(used)) continue;
    const bool again = answer.error().code == Code::kRetry && i + 1 < options_.attempts;
    if (!again || !wait_before(i)) return refused(method, key, std::move(answer).error());
  }
}

Status S3Store::put_file(const std::string& key, const LocalFile& file, Pace& pace) {
  const env::Descriptor opened(file.path, O_RDONLY);
  if (!opened.is_open()) return fail(Code::kFatal, fmt::format("{}: can't open: {}", file.path, std::strerror(errno)));
  // One request can't carry more than 5 GiB, and a part that fails is cheaper to send again than
  // all of it.
  if (file.bytes > options_.single_bytes_max) return put_parts(key, file, opened.get(), pace);
  Body body(opened.get(), file.bytes, pace);
  return done(exchange("PUT", key, {}, {}, file.sha256, body));
}

Status S3Store::put_parts(const std::string& key, const LocalFile& file, int descriptor, Pace& pace) {
  Body none;
  FRESHET_ASSIGN(const auto started, exchange("POST", key, {{"uploads", ""}}, {}, sha256(""), none));
  const auto upload = read_upload_id(started.body);
  if (!upload) return refused("POST", key, upload.error());
  auto tags = send_parts(key, *upload, file, descriptor, pace);
  if (!tags) {
    // An upload that is neither completed nor aborted is kept, and paid for.
    (void)exchange("DELETE", key, {{"uploadId", *upload}}, {}, sha256(""), none);
    return tl::unexpected(std::move(tags).error());
  }
  const std::string xml = complete_upload_xml(*tags);
  Body body(xml);
  return done(exchange("POST", key, {{"uploadId", *upload}}, {}, sha256(xml), body));
}

// Each part is read into memory, because its hash must be known before it is sent, and a retry
// sends it again.
Result<std::vector<std::string>> S3Store::send_parts(const std::string& key, const std::string& upload,
                                                     const LocalFile& file, int descriptor, Pace& pace) {
  std::vector<std::string> tags;
  std::string part;
  for (uint64_t at = 0; at < file.bytes; at += part.size()) {
    part.resize(std::min(options_.part_bytes, file.bytes - at));
    if (::pread(descriptor, part.data(), part.size(), static_cast<off_t>(at)) != static_cast<ssize_t>(part.size()))
      return fail(Code::kFatal, file.path + ": can't be read to its end");
    Body body(part, pace);
    const Fields query{{"partNumber", std::to_string(tags.size() + 1)}, {"uploadId", upload}};
    FRESHET_ASSIGN(const auto answer, exchange("PUT", key, query, {}, sha256(part), body));
    const auto tag = answer.headers.find("etag");
    // Without its tag a part can't be named when the upload is completed.
    if (tag == answer.headers.end()) return refused("PUT", key, {Code::kCorrupt, "no ETag of a part"});
    tags.push_back(tag->second);
  }
  FRESHET_ASSERT(file.bytes == 0 || !tags.empty());
  return tags;
}

Status S3Store::copy(const std::string& from, const std::string& to) {
  Body none;
  const std::string source = "/" + address_.bucket + "/" + name_of(from);
  return done(exchange("PUT", to, {}, {{"x-amz-copy-source", percent_encode(source, "/")}}, sha256(""), none));
}

// Reads an object. After an interruption it goes on where it was: what the sink has taken can't be
// taken back.
Status S3Store::get(const std::string& key, Pace& pace, const Sink& sink) {
  uint64_t got = 0;
  const auto range = [&got] {
    return got == 0 ? std::nullopt : std::optional<std::string>(fmt::format("bytes={}-", got));
  };
  const auto counted = [&](std::string_view part) -> Status {
    pace.take(part.size());
    got += part.size();
    return sink(part);
  };
  Body none;
  return done(exchange("GET", key, {}, {}, sha256(""), none, counted, range));
}

Result<std::vector<Object>> S3Store::list(const std::string& prefix) {
  std::vector<Object> all;
  const size_t skip = address_.prefix.empty() ? 0 : address_.prefix.size() + 1;
  for (std::string token;;) {
    Fields query{{"list-type", "2"}, {"prefix", name_of(prefix)}};
    if (!token.empty()) query.emplace_back("continuation-token", token);
    Body none;
    FRESHET_ASSIGN(const auto answer, exchange("GET", "", query, {}, sha256(""), none));
    auto page = read_s3_page(answer.body);
    if (!page) return refused("GET", "", page.error());
    for (Object& object : page->objects) {
      // A server may ignore the prefix; what lies elsewhere is none of ours.
      if (!object.key.starts_with(name_of(prefix))) continue;
      all.push_back({object.key.substr(skip), object.bytes});
    }
    if (page->next.empty()) break;
    // The same page again would be the same for ever.
    if (page->next == token) return refused("GET", "", {Code::kCorrupt, "the list does not go on from where it was"});
    token = page->next;
  }
  std::sort(all.begin(), all.end(), [](const Object& a, const Object& b) { return a.key < b.key; });
  return all;
}

}  // namespace

Result<S3Address> parse_s3_address(const std::string& to) {
  constexpr std::string_view kScheme = "s3://";
  constexpr size_t kBucketMin = 3;
  if (!to.starts_with(kScheme)) return fail(Code::kInvalid, "must be s3://bucket/prefix");
  S3Address address;
  const std::string rest = to.substr(kScheme.size());
  const size_t slash = rest.find('/');
  address.bucket = rest.substr(0, slash);
  if (slash != std::string::npos) address.prefix = rest.substr(slash + 1);
  while (address.prefix.ends_with('/')) address.prefix.pop_back();
  const auto plain = [](char c) { return is_name_char(c) || c == '.' || c == '-'; };
  if (address.bucket.size() < kBucketMin || !std::all_of(address.bucket.begin(), address.bucket.end(), plain))
    return fail(Code::kInvalid, "the bucket's name must have three characters at least, of a-z 0-9 . -");
  const auto plain_path = [&plain](char c) { return plain(c) || c == '/'; };
  if (!std::all_of(address.prefix.begin(), address.prefix.end(), plain_path) || address.prefix.starts_with('/') ||
      address.prefix.find("//") != std::string::npos)
    return fail(Code::kInvalid, "the prefix may have a-z A-Z 0-9 . _ - and single slashes");
  return address;
}

Result<S3Endpoint> parse_endpoint(const std::string& endpoint, const std::string& region) {
  if (endpoint.empty()) return S3Endpoint{true, "s3." + region + ".amazonaws.com"};
  S3Endpoint out;
  out.tls = endpoint.starts_with("https://");
  const auto refused = fail(Code::kInvalid, "must be http://host:port or https://host:port");
  if (!out.tls && !endpoint.starts_with("http://")) return refused;
  out.host = endpoint.substr(endpoint.find("://") + 3);
  if (out.host.ends_with('/')) out.host.pop_back();
  if (out.host.empty() || out.host.find_first_of("/?#@ \t\r\n") != std::string::npos) return refused;
  return out;
}

Result<std::unique_ptr<ObjectStore>> make_s3_store(const StoreOptions& options, env::Clock& clock,
                                                   env::Random& random) {
  FRESHET_ASSERT(options.attempts > 0 && options.part_bytes > 0);
  auto store = std::make_unique<S3Store>(options, parse_s3_address(options.to).value(),
                                         parse_endpoint(options.endpoint, options.region).value(), clock, random);
  // Without them every request would be refused with a signature error, which says less.
  if (const Status found = store->check_credentials(); !found)
    return fail(Code::kInvalid, options.to + ": " + found.error().message);
  return store;
}

}  // namespace freshet::objectstore
