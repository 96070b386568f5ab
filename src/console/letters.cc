// Every letter of a tenant lies between two keys, in the order of ids, which is that of time: the newest are read from
// the end, the oldest go from the begin.
#include "console/letters.h"

#include <algorithm>
#include <charconv>

#include "base/assert.h"
#include "model/time.h"
#include "telemetry/metrics.h"

namespace freshet::console {
namespace {

constexpr size_t kCursorBytesMax = 300;
constexpr size_t kEvictRowsMax = 20'000;  // in one write
constexpr env::TimeUs kDayUs = 86'400ll * 1'000'000;
constexpr env::TimeUs kCountsAgeUs = 400 * kDayUs;

std::string tenant_prefix(char kind, std::string_view tenant) {
  std::string key(1, kind);
  key.append(tenant).append(1, '\0');
  return key;
}
// The NUL ends the tenant's name, so the range ends before the byte after it.
std::string tenant_end(char kind, std::string_view tenant) {
  std::string key = tenant_prefix(kind, tenant);
  key.back() = '\1';
  return key;
}

std::string day_of(int64_t time_us) { return model::format_time(std::max<int64_t>(time_us, 0)).substr(0, 10); }

std::string encode_count(uint64_t count) { return std::to_string(count); }
uint64_t decode_count(std::string_view text) {
  uint64_t count = 0;
  std::from_chars(text.data(), text.data() + text.size(), count);
  return count;
}

telemetry::Counter& evicted(const std::string& tenant) {
  return telemetry::counter("freshet_deadletters_evicted_total",
                            "Dead letters that went because their tenant had more than its quota, or too old ones.",
                            {{"tenant", tenant}});
}

}  // namespace

std::string position_key(uint32_t partition) { return "o" + std::to_string(partition); }

Status check_cursor(std::string_view text) {
  if (text.size() <= kCursorBytesMax && text.find('\0') == std::string_view::npos) return {};
  return fail(Code::kInvalid, "after must be the \"next\" of an earlier answer");
}

Result<std::unique_ptr<Letters>> Letters::open(kv::Store& store, const LetterQuota& quota) {
  FRESHET_ASSERT(quota.letters > 0 && quota.bytes > 0);
  std::unique_ptr<Letters> letters(new Letters(store, quota));
  FRESHET_TRY(letters->load_usage());
  return letters;
}

// Counted at the start: quotas are small, so this reads little.
Status Letters::load_usage() {
  return store_.scan("l", "m", [this](std::string_view key, std::string_view value) {
    LetterUsage& usage = usage_[std::string(key.substr(1, key.find('\0') - 1))];
    ++usage.letters;
    usage.bytes += value.size();
    return true;
  });
}

Status Letters::add(const v1::DeadLetter& letter, kv::WriteBatch& batch) {
  const std::string key = tenant_prefix('l', letter.tenant()) + letter.id();
  if (added_.contains(key)) return {};
  FRESHET_ASSIGN(const auto there, store_.get(key));
  if (there) return {};
  const std::string bytes = letter.SerializeAsString();
  batch.put(key, bytes);
  added_[key] = bytes.size();
  LetterUsage& usage = usage_[letter.tenant()];
  ++usage.letters;
  usage.bytes += bytes.size();
  // One that is older than all that is left: it is the first to go.
  if (std::string& oldest = oldest_[letter.tenant()]; key < oldest) oldest = key;
  return count(letter, letter.code(), 1, batch);
}

Status Letters::count(const v1::DeadLetter& of, std::string_view code, uint64_t count, kv::WriteBatch& batch) {
  std::string key = tenant_prefix('n', of.tenant());
  key.append(day_of(of.received_at_us())).append(1, '\0').append(code);
  const auto known = counts_.find(key);
  uint64_t sum = count;
  if (known != counts_.end()) {
    sum += known->second;
  } else {
    FRESHET_ASSIGN(const auto before, store_.get(key));
    if (before) sum += decode_count(*before);
  }
  counts_[key] = sum;
  batch.put(key, encode_count(sum));
  return {};
}

void Letters::written() {
  counts_.clear();
  added_.clear();
}

Status Letters::evict() {
  FRESHET_ASSERT(added_.empty());  // what is not written yet can't be taken out
  for (auto& [tenant, usage] : usage_) {
    if (usage.letters > quota_.letters || usage.bytes > quota_.bytes) FRESHET_TRY(evict(tenant, usage));
  }
  return {};
}

// A twentieth more than must go, so that not every letter takes another one out.
Status Letters::evict(const std::string& tenant, LetterUsage& usage) {
  const LetterUsage wanted{quota_.letters - quota_.letters / 20, quota_.bytes - quota_.bytes / 20};
  while (usage.letters > wanted.letters || usage.bytes > wanted.bytes) {
    std::vector<std::pair<std::string, uint64_t>> rows;
    LetterUsage left = usage;
    const std::string begin = std::max(tenant_prefix('l', tenant), oldest_[tenant]);
    FRESHET_TRY(store_.scan(begin, tenant_end('l', tenant), [&](std::string_view key, std::string_view value) {
      if ((left.letters <= wanted.letters && left.bytes <= wanted.bytes) || rows.size() >= kEvictRowsMax) return false;
      rows.emplace_back(key, value.size());
      --left.letters;
      left.bytes -= value.size();
      return true;
    }));
    if (rows.empty()) return fail(Code::kCorrupt, "dead letters: those of tenant " + tenant + " are miscounted");
    evicted(tenant).add(rows.size());
    FRESHET_TRY(remove(tenant, rows));
    oldest_[tenant] = rows.back().first;
  }
  return {};
}

Status Letters::remove(const std::string& tenant, const std::vector<std::pair<std::string, uint64_t>>& rows) {
  if (rows.empty()) return {};
  kv::WriteBatch batch;
  LetterUsage& usage = usage_[tenant];
  for (const auto& [key, bytes] : rows) {
    batch.remove(key);
    FRESHET_ASSERT(usage.letters > 0 && usage.bytes >= bytes);
    --usage.letters;
    usage.bytes -= bytes;
  }
  return store_.write(batch, kv::Durability::kLogged);
}

Status Letters::expire(env::TimeUs now_us) {
  for (auto& [tenant, usage] : usage_) {
    std::vector<std::pair<std::string, uint64_t>> rows;
    const std::string begin = std::max(tenant_prefix('l', tenant), oldest_[tenant]);
    FRESHET_TRY(store_.scan(begin, tenant_end('l', tenant), [&](std::string_view key, std::string_view value) {
      v1::DeadLetter letter;
      const bool readable = letter.ParseFromArray(value.data(), static_cast<int>(value.size()));
      if ((readable && letter.received_at_us() > now_us - quota_.age_us) || rows.size() >= kEvictRowsMax) return false;
      rows.emplace_back(key, value.size());
      return true;
    }));
    evicted(tenant).add(rows.size());
    if (!rows.empty()) oldest_[tenant] = rows.back().first;
    FRESHET_TRY(remove(tenant, rows));
    kv::WriteBatch batch;
    batch.remove_range(tenant_prefix('n', tenant),
                       tenant_prefix('n', tenant) + day_of(now_us - std::max(kCountsAgeUs, quota_.age_us)));
    FRESHET_TRY(store_.write(batch, kv::Durability::kLogged));
  }
  return {};
}

Result<LetterPage> Letters::page(const LetterFilter& filter, std::string_view after, const PageBounds& bounds) {
  LetterPage page;
  const std::string prefix = tenant_prefix('l', filter.tenant);
  const std::string end = after.empty() ? tenant_end('l', filter.tenant) : prefix + std::string(after);
  size_t rows = 0;
  size_t bytes = 0;
  std::string last;
  FRESHET_TRY(store_.scan_back(prefix, end, [&](std::string_view key, std::string_view value) {
    if (page.letters.size() >= bounds.limit || rows >= bounds.rows_max || bytes >= bounds.bytes_max) {
      page.next = last;
      return false;
    }
    ++rows;
    bytes += value.size();
    last = key.substr(prefix.size());
    v1::DeadLetter letter;
    // One that can't be read can't be replayed either, so it is passed over.
    if (!letter.ParseFromArray(value.data(), static_cast<int>(value.size()))) return true;
    const bool wanted = (filter.code.empty() || letter.code() == filter.code) &&
                        (filter.message_id.empty() || letter.message_id() == filter.message_id);
    if (wanted) page.letters.push_back(std::move(letter));
    return true;
  }));
  FRESHET_ASSERT(page.letters.size() <= bounds.limit);
  return page;
}

Result<std::optional<v1::DeadLetter>> Letters::get(const std::string& tenant, const std::string& id) {
  FRESHET_ASSIGN(const auto row, store_.get(tenant_prefix('l', tenant) + id));
  v1::DeadLetter letter;
  if (!row || !letter.ParseFromString(*row)) return std::nullopt;
  return letter;
}

Result<std::vector<LetterCount>> Letters::counts(const std::string& tenant) {
  std::vector<LetterCount> all;
  const std::string prefix = tenant_prefix('n', tenant);
  FRESHET_TRY(store_.scan(prefix, tenant_end('n', tenant), [&](std::string_view key, std::string_view value) {
    const std::string_view rest = key.substr(prefix.size());
    const size_t nul = rest.find('\0');
    if (nul != std::string_view::npos)
      all.push_back({std::string(rest.substr(0, nul)), std::string(rest.substr(nul + 1)), decode_count(value)});
    return true;
  }));
  return all;
}

LetterUsage Letters::usage(const std::string& tenant) const {
  const auto known = usage_.find(tenant);
  return known == usage_.end() ? LetterUsage{} : known->second;
}

uint64_t Letters::total() const {
  uint64_t all = 0;
  for (const auto& [tenant, usage] : usage_) all += usage.letters;
  return all;
}

Status Letters::remove(const std::string& tenant, const std::vector<std::string>& ids) {
  std::vector<std::pair<std::string, uint64_t>> rows;
  for (const std::string& id : ids) {
    std::string key = tenant_prefix('l', tenant) + id;
    FRESHET_ASSIGN(const auto row, store_.get(key));
    if (row) rows.emplace_back(std::move(key), row->size());
  }
  return remove(tenant, rows);
}

}  // namespace freshet::console
