// libcurl, tamed: each exchange has its bounds, and callbacks see a cancel within moments.

#include "objectstore/transfer.h"

#include <curl/curl.h>

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace freshet::objectstore {
namespace {

constexpr long kConnectMs = 5000;
constexpr long kSlowBytesPerS = 1024;  // an exchange that is slower than this for kSlowSeconds is broken off
constexpr long kSlowSeconds = 20;
constexpr long kBufferBytes = 256 << 10;
constexpr size_t kBodyBytesMax = 4u << 20;  // of an answer that is kept in memory

// One exchange that is under way: what the callbacks work on.
struct Exchange {
  const Call& call;
  const std::atomic<bool>& cancelled;
  CURL* curl;
  Answer answer;
  Status sunk;  // what the sink has said
};

size_t on_send(char* buffer, size_t size, size_t count, void* of) {
  const auto& exchange = *static_cast<Exchange*>(of);
  return exchange.cancelled ? CURL_READFUNC_ABORT : exchange.call.body(buffer, size * count);
}

size_t on_receive(char* bytes, size_t size, size_t count, void* of) {
  auto& exchange = *static_cast<Exchange*>(of);
  const std::string_view part(bytes, size * count);
  long status = 0;
  curl_easy_getinfo(exchange.curl, CURLINFO_RESPONSE_CODE, &status);
  // Only a good answer is the object; the body of an error goes where its code can be read.
  if (exchange.call.sink && status / 100 == 2) {
    exchange.sunk = exchange.call.sink(part);
    return exchange.sunk ? part.size() : 0;
  }
  if (exchange.answer.body.size() + part.size() > kBodyBytesMax) return 0;
  exchange.answer.body += part;
  return part.size();
}

size_t on_header(char* bytes, size_t size, size_t count, void* of) {
  auto& exchange = *static_cast<Exchange*>(of);
  const std::string_view line(bytes, size * count);
  // An interim answer (100, a redirect) is followed by another one, whose headers count.
  if (line.starts_with("HTTP/")) exchange.answer.headers.clear();
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string name(line.substr(0, colon));
  // Names of headers have no case.
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == '\r' || value.back() == '\n' || value.back() == ' '))
    value.remove_suffix(1);
  exchange.answer.headers.insert_or_assign(std::move(name), std::string(value));
  return line.size();
}

int on_progress(void* of, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(of)->cancelled ? 1 : 0;
}

using HeaderList = std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)>;

HeaderList header_list(const Call& call) {
  curl_slist* list = nullptr;
  for (const auto& [name, value] : call.headers) {
    // An empty value is written with a semicolon, or libcurl leaves the header out.
    list = curl_slist_append(list, (name + (value.empty() ? ";" : ": " + value)).c_str());
  }
  // These two libcurl would add by itself, and they are not signed.
  list = curl_slist_append(list, "Expect:");
  list = curl_slist_append(list, "Accept:");
  return {list, &curl_slist_free_all};
}

void set_up(CURL* curl, Exchange& exchange) {
  const Call& call = exchange.call;
  curl_easy_setopt(curl, CURLOPT_URL, call.url.c_str());
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call.method.c_str());
  // A redirect or an odd endpoint must not lead to file:// or anything else that libcurl knows.
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  // Signals are the process's; with them libcurl's name resolution would interrupt other threads.
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  // A signature is over the path as it stands, so libcurl must not tidy it up.
  curl_easy_setopt(curl, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(curl, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectMs);
  // A connection that hangs is as bad as one that is broken; nothing else would ever end it.
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, kSlowBytesPerS);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, kSlowSeconds);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, kBufferBytes);
  curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &on_receive);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, &on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &exchange);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &on_progress);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &exchange);
  if (call.method == "PUT" || call.method == "POST") {
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, &on_send);
    curl_easy_setopt(curl, CURLOPT_READDATA, &exchange);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(call.body_bytes));
  }
}

}  // namespace

struct Transfer::Handle {
  CURL* curl = curl_easy_init();
  Handle() { FRESHET_ASSERT(curl != nullptr); }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
};

Transfer::Transfer() {
  static const bool once = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  FRESHET_ASSERT(once);
}

Transfer::~Transfer() = default;

std::unique_ptr<Transfer::Handle> Transfer::take() {
  const std::lock_guard lock(mutex_);
  if (idle_.empty()) return std::make_unique<Handle>();
  auto handle = std::move(idle_.back());
  idle_.pop_back();
  return handle;
}

void Transfer::give_back(std::unique_ptr<Handle> handle) {
  // The handle forgets its options and keeps its connection.
  FRESHET_ASSERT(handle != nullptr);
  curl_easy_reset(handle->curl);
  const std::lock_guard lock(mutex_);
  idle_.push_back(std::move(handle));
}

Result<Answer> Transfer::send(const Call& call) {
  FRESHET_ASSERT(!call.method.empty() && (call.body_bytes == 0 || call.body != nullptr));
  std::unique_ptr<Handle> handle = take();
  Exchange exchange{call, cancelled_, handle->curl, {}, {}};
  set_up(handle->curl, exchange);
  const HeaderList headers = header_list(call);
  curl_easy_setopt(handle->curl, CURLOPT_HTTPHEADER, headers.get());
  char why[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(handle->curl, CURLOPT_ERRORBUFFER, static_cast<char*>(why));
  const CURLcode code = curl_easy_perform(handle->curl);
  curl_easy_getinfo(handle->curl, CURLINFO_RESPONSE_CODE, &exchange.answer.status);
  give_back(std::move(handle));
  // The sink's error comes first: libcurl only knows that a callback refused.
  if (!exchange.sunk) return tl::unexpected(std::move(exchange.sunk).error());
  if (cancelled_) return fail(Code::kRetry, "cancelled");
  // A certificate that can't be verified stays so until somebody mends it.
  if (code != CURLE_OK)
    return fail(code == CURLE_PEER_FAILED_VERIFICATION ? Code::kInvalid : Code::kRetry,
                why[0] == '\0' ? curl_easy_strerror(code) : why);
  return std::move(exchange.answer);
}

}  // namespace freshet::objectstore
