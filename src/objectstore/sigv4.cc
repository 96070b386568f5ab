// The steps of AWS's signature, in the order of its documentation: canonical request, string to
// sign, signing key.

#include "objectstore/sigv4.h"

#include <fmt/core.h>

#include <algorithm>
#include <ctime>

#include "base/assert.h"
#include "base/text.h"

namespace freshet::objectstore {
namespace {

// A time in the one form that AWS takes: "20130524T000000Z".
std::string amz_date(env::TimeUs now_us) {
  const auto now_s = static_cast<std::time_t>(now_us / 1'000'000);
  std::tm day{};
  FRESHET_ASSERT(gmtime_r(&now_s, &day) != nullptr);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", day.tm_year + 1900, day.tm_mon + 1, day.tm_mday, day.tm_hour,
                     day.tm_min, day.tm_sec);
}

// The request in the form that both sides hash.
struct Canonical {
  std::string request;
  std::string signed_headers;
};

Canonical canonical(const S3Request& request) {
  Fields headers = request.headers;
  std::sort(headers.begin(), headers.end());
  Canonical out;
  std::string lines;
  for (const auto& [name, value] : headers) {
    lines += name + ":" + value + "\n";
    out.signed_headers += (out.signed_headers.empty() ? "" : ";") + name;
  }
  out.request = fmt::format("{}\n{}\n{}\n{}\n{}\n{}", request.method, percent_encode(request.path, "/"),
                            query_of(request.query), lines, out.signed_headers, hex(request.body_sha256));
  return out;
}

// The key is derived anew for each day, region and service, so that a key that leaks opens little.
Digest signing_key(const Credentials& credentials, std::string_view day, std::string_view region) {
  const Digest of_day = hmac_sha256("AWS4" + credentials.secret_access_key, day);
  const Digest of_region = hmac_sha256(view(of_day), region);
  const Digest of_service = hmac_sha256(view(of_region), "s3");
  return hmac_sha256(view(of_service), "aws4_request");
}

}  // namespace

std::string query_of(const Fields& query) {
  Fields encoded;
  for (const auto& [name, value] : query) encoded.emplace_back(percent_encode(name), percent_encode(value));
  std::sort(encoded.begin(), encoded.end());
  std::string out;
  for (const auto& [name, value] : encoded) out += (out.empty() ? "" : "&") + name + "=" + value;
  return out;
}

void sign(S3Request& request, const Credentials& credentials, std::string_view region, env::TimeUs now_us) {
  const auto has = [&](std::string_view name) {
    return std::any_of(request.headers.begin(), request.headers.end(), [&](const auto& h) { return h.first == name; });
  };
  FRESHET_ASSERT(has("host") && !has("authorization"));
  const std::string date = amz_date(now_us);
  const std::string day = date.substr(0, 8);
  request.headers.emplace_back("x-amz-date", date);
  request.headers.emplace_back("x-amz-content-sha256", hex(request.body_sha256));
  if (!credentials.session_token.empty())
    request.headers.emplace_back("x-amz-security-token", credentials.session_token);
  const auto [text, signed_headers] = canonical(request);
  const std::string scope = fmt::format("{}/{}/s3/aws4_request", day, region);
  const std::string to_sign = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", date, scope, hex(sha256(text)));
  const Digest signature = hmac_sha256(view(signing_key(credentials, day, region)), to_sign);
  request.headers.emplace_back("authorization",
                               fmt::format("AWS4-HMAC-SHA256 Credential={}/{},SignedHeaders={},Signature={}",
                                           credentials.access_key_id, scope, signed_headers, hex(signature)));
}

}  // namespace freshet::objectstore
