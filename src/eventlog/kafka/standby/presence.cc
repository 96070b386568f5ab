// The committed offsets are looked at twice, so far apart that an owner who lives has said something new in between;
// one look alone could not tell an owner from the words that a dead one has left.
#include "eventlog/kafka/standby/presence.h"

#include <fmt/core.h>

#include <utility>

#include "base/assert.h"
#include "eventlog/kafka/standby/placement.h"

namespace freshet::eventlog::kafka {
namespace {

constexpr env::TimeUs kTwoBeatsUs = 2'500'000;

}  // namespace

Status check_no_slots(Cluster& cluster, env::Clock& clock, const std::string& group, const std::vector<Topic>& topics) {
  std::vector<TopicPartition> all;
  for (const Topic topic : topics)
    for (uint32_t p = 0; p < cluster.partitions(topic); ++p) all.push_back({topic, p});
  std::vector<std::string> before;
  for (const env::TimeUs pause_us : {env::TimeUs{0}, kTwoBeatsUs}) {
    if (pause_us > 0) clock.sleep_us(pause_us);
    const auto committed = cluster.committed(group, all);
    if (!committed) return committed.error().code == Code::kRetry ? Status{} : tl::unexpected(committed.error());
    std::vector<std::string> words;
    bool any = false;
    for (const auto& one : *committed) {
      words.push_back(one ? one->metadata : "");
      any = any || is_of_owner(words.back());
    }
    if (!any) return {};
    FRESHET_ASSERT(before.empty() || before.size() == words.size());
    // An owner that lives changes its words with every beat; what a dead one has left stays as it is.
    for (size_t i = 0; i < before.size(); ++i)
      if (is_of_owner(words[i]) && words[i] != before[i])
        return fail(Code::kInvalid,
                    fmt::format("kafka: {} runs with state.standbys ({}), this process without: give both the same "
                                "configuration; to change it, stop all first",
                                group, words[i]));
    before = std::move(words);
  }
  return {};
}

}  // namespace freshet::eventlog::kafka
