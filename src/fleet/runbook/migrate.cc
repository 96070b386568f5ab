// A topic's home is the cluster of the new file where nobody mirrors it to: that is where it is written. Its readers
// may read it there, or a copy that a mirror of the new file makes; their offsets go the same way as the records.
#include "fleet/runbook/migrate.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "base/assert.h"
#include "base/text.h"
#include "fleet/access.h"
#include "fleet/rates.h"
#include "fleet/render/names.h"
#include "fleet/text.h"
#include "yaml/units.h"
#include "yaml/writer.h"

namespace freshet::fleet {
namespace {

// One topic that moves: where it is, where it goes, who reads and writes it.
struct Moved {
  Index from = kNone;  // of the old file
  Index home = kNone;  // of the new file
  double messages_per_s = 0;
};

std::string bootstrap_text(const Topology& fleet, const Cluster& cluster) {
  return cluster.connect.bootstrap.empty() ? bootstrap_of(fleet, cluster) : cluster.connect.bootstrap;
}

// One side of a mirror. Secrets stay references, as they are in the file of the fleet.
yaml::Node end_node(const Topology& fleet, const Cluster& cluster) {
  yaml::Node out = yaml::map("name", cluster.name, "brokers", bootstrap_text(fleet, cluster));
  if (cluster.connect.properties.empty()) return out;
  yaml::Node properties = yaml::map();
  for (const auto& [name, value] : cluster.connect.properties) yaml::put(properties, name, value);
  yaml::put(out, "properties", std::move(properties));
  return out;
}

// Whether the copy is whole, of one topic alone: a mirror may have others that are not.
std::string verify_of(const std::string& mirror, const std::string& topic) {
  return fmt::format("freshet mirror verify --config mirror-{}.yaml --topic {} --json", mirror, topic);
}

// Partitions are only said where they differ: one to one keeps order of records without a key, too.
yaml::Node mirror_rule(const Topic& from, const Topic& to) {
  yaml::Node out = yaml::map("match", from.name);
  if (from.partitions != to.partitions) yaml::put(out, "partitions", to.partitions);
  return out;
}

// Of the clusters that topics go to, those that the file knows by their address only.
std::string without_id(const Topology& fleet, const std::vector<Moved>& moved) {
  std::set<std::string> names;
  for (const Moved& one : moved) {
    const Cluster& home = fleet.clusters[fleet.topics[one.home].cluster];
    if (home.connect.cluster_id.empty()) names.insert(home.name);
  }
  return joined(names, ", ");
}

// What a topic's home does otherwise than the topic did, and a copy would suffer from. Of the mirrors of the new file
// lint says the same; those of a migration are in no file.
std::vector<std::string> unlike_at_home(const Topic& topic, const std::string& from, const Topic& home,
                                        const std::string& to) {
  std::vector<std::string> out;
  if (home.partitions < topic.partitions)
    out.push_back(fmt::format(
        "topic {} has {} partitions on {} and {} on {}: keys are placed anew; records without a key stop the mirror "
        "unless its `keyless` says otherwise",
        topic.name, topic.partitions, from, home.partitions, to));
  if ((home.cleanup == Cleanup::kDelete) != (topic.cleanup == Cleanup::kDelete))
    out.push_back(
        fmt::format("topic {} has cleanup {} on {} and {} on {}: deleted by age, a copy loses the last message of a "
                    "key; compacted, "
                    "it takes none without a key",
                    topic.name, name_of(topic.cleanup), from, name_of(home.cleanup), to));
  if (home.message_bytes_max < topic.message_bytes_max)
    out.push_back(fmt::format("topic {} takes messages of {} on {} and {} on {}: one that is larger stops the mirror",
                              topic.name, yaml::size_text(topic.message_bytes_max), from,
                              yaml::size_text(home.message_bytes_max), to));
  return out;
}

// Brokers that ask for more than an address, and a file that says no more.
std::optional<std::string> unknown_way_to(const Cluster& cluster) {
  const std::string_view protocol = protocol_of(cluster.security);
  if (protocol == "PLAINTEXT" || !cluster.connect.properties.empty()) return std::nullopt;
  return fmt::format("cluster {} asks for {}, and its connect.properties say nothing of it: no mirror can connect",
                     cluster.name, protocol);
}

std::vector<std::string> unknown_ways(const Cluster& mono, const Topology& fleet, const std::vector<Moved>& moved) {
  std::set<Index> homes;
  for (const Moved& one : moved) homes.insert(fleet.topics[one.home].cluster);
  std::vector<const Cluster*> ends = {&mono};
  for (const Index home : homes) ends.push_back(&fleet.clusters[home]);
  std::vector<std::string> out;
  for (const Cluster* end : ends)
    if (auto fault = unknown_way_to(*end)) out.push_back(*std::move(fault));
  return out;
}

// Writes the runbook from top to bottom; what the files leave open is found first, as it stands first.
class MigrationWriter {
 public:
  MigrationWriter(const Topology& old, Index cluster, const Topology& fleet)
      : old_(old), fleet_(fleet), mono_(old.clusters[cluster]), rates_(rates_of(old)) {
    // The topics that no mirror writes, by name: a search for each would take the square of 20,000 topics.
    for (Index i = 0; i < fleet.topics.size(); ++i) {
      if (fleet.topics[i].mirrors.empty()) homes_[fleet.topics[i].name].push_back(i);
    }
    for (Index t = 0; t < old.topics.size(); ++t) {
      if (old.topics[t].cluster == cluster) find_home(t);
    }
    std::ranges::stable_sort(moved_, {}, &Moved::messages_per_s);
    for (const Moved& moved : moved_) check_readers(moved);
    for (std::string& fault : unknown_ways(mono_, fleet_, moved_)) unresolved_.push_back(std::move(fault));
  }

  // kInvalid: there is nothing to move.
  Result<Migration> run() {
    if (moved_.empty())
      return fail(Code::kInvalid,
                  fmt::format("no topic of cluster {} is in {}: there is nothing to move", mono_.name, fleet_.name));
    head();
    before();
    for (const Moved& moved : moved_) topic(moved);
    after();
    return Migration{std::move(out_), std::move(unresolved_), std::move(steps_), std::move(files_)};
  }

 private:
  void find_home(Index t) {
    const Topic& topic = old_.topics[t];
    const std::vector<Index>& homes = homes_[topic.name];
    if (homes.size() == 1) {
      moved_.push_back({t, homes.front(), topic.messages_per_s});
    } else if (homes.empty()) {
      unresolved_.push_back(fmt::format("topic {} is nowhere in {}: where does it go, or who says that it goes away?",
                                        topic.name, fleet_.name));
    } else {
      unresolved_.push_back(fmt::format("topic {} has {} homes in {}: its records can go to one only", topic.name,
                                        homes.size(), fleet_.name));
    }
  }

  // Readers of the old cluster whose group reads the topic nowhere in the new file would be forgotten.
  void check_readers(const Moved& moved) {
    const Topic& topic = old_.topics[moved.from];
    for (const std::string& group : groups_of(old_, {moved.from})) {
      if (copy_read_by(topic.name, group) == kNone)
        unresolved_.push_back(
            fmt::format("group {} reads {} on {}, and nowhere in {}", group, topic.name, mono_.name, fleet_.name));
    }
    for (std::string& fault : unlike_at_home(topic, mono_.name, fleet_.topics[moved.home], home_name(moved)))
      unresolved_.push_back(std::move(fault));
  }

  // Sorted, each once: several services may read as one group.
  [[nodiscard]] static std::vector<std::string> groups_of(const Topology& fleet, const std::set<Index>& topics) {
    std::set<std::string> out;
    for (const Consumer& consumer : fleet.consumers) {
      if (std::ranges::any_of(consumer.topics, [&](Index topic) { return topics.contains(topic); }))
        out.insert(consumer.group);
    }
    return {out.begin(), out.end()};
  }

  // The topic of the new file, at home or a copy, that this group reads.
  [[nodiscard]] Index copy_read_by(const std::string& topic, const std::string& group) const {
    for (const Consumer& consumer : fleet_.consumers) {
      if (consumer.group != group) continue;
      for (const Index index : consumer.topics) {
        if (fleet_.topics[index].name == topic) return index;
      }
    }
    return kNone;
  }

  [[nodiscard]] std::vector<std::string> writers_of(Index topic) const {
    std::set<std::string> out;
    for (const Producer& producer : old_.producers) {
      if (std::ranges::find(producer.topics, topic) != producer.topics.end())
        out.insert(old_.services[producer.service].name);
    }
    return {out.begin(), out.end()};
  }

  [[nodiscard]] const std::string& home_name(const Moved& moved) const {
    return fleet_.cluster_of(fleet_.topics[moved.home]).name;
  }
  [[nodiscard]] std::string there(const Moved& moved) const { return mono_.name + "-to-" + home_name(moved); }
  [[nodiscard]] std::string back(const Moved& moved) const { return home_name(moved) + "-to-" + mono_.name; }

  // The mirrors of the new file from the home to this copy, in their order. [] of the home itself.
  [[nodiscard]] std::vector<const Mirror*> way_to(const Moved& moved, Index copy) const {
    std::vector<const Mirror*> out;
    // As deep as clusters are chained; a circle, which lint refuses, ends at the number of mirrors.
    while (copy != moved.home && out.size() <= fleet_.mirrors.size() && !fleet_.topics[copy].mirrors.empty()) {
      const Mirror& mirror = fleet_.mirrors[fleet_.topics[copy].mirrors.front()];
      out.insert(out.begin(), &mirror);
      copy = fleet_.find_topic(mirror.from, fleet_.topics[copy].name);
      if (copy == kNone) break;
    }
    return out;
  }

  void line(const std::string& text) { out_ += text + "\n"; }
  void part(const std::string& heading) {
    part_ = heading;
    line("## " + heading + "\n");
  }
  // kPeople: what people do, but for what its command does. Of all others its command alone does it.
  void step(StepKind kind, const std::string& what) {
    line("- [ ] " + what);
    steps_.push_back({kind, part_, what, "", "", "", kind == StepKind::kPeople});
  }
  void command(const std::string& text) {
    out_ += "  ```sh\n  " + text + "\n  ```\n";
    std::string plain = text;
    for (size_t at = 0; (at = plain.find("\n  ", at)) != std::string::npos; ++at) plain.erase(at + 1, 2);
    steps_.back().command = plain;
  }
  // The same of a mirror that runs from here on.
  void mirror_command(const std::string& name, int port) {
    command(fmt::format("freshet mirror --config mirror-{}.yaml --listen 127.0.0.1:{}", name, port));
    steps_.back().mirror = fmt::format("mirror-{}.yaml", name);
  }
  void way_back(const std::string& text) {
    line("  - Way back: " + text);
    steps_.back().way_back = text;
  }

  // What is open comes before all steps: whoever begins without an answer would find out in the middle.
  void head() {
    line(fmt::format("# From {} to {}, topic by topic\n", mono_.name, fleet_.name));
    line(
        fmt::format("{} of {} move, the smallest first. Of each: mirrored, read there, written there. Until the last "
                    "step of a topic both sides have all of its records.\n",
                    plural(moved_.size(), "topic"), mono_.name));
    if (unresolved_.empty()) return;
    part("Not answered by the files");
    for (const std::string& one : unresolved_) step(StepKind::kPeople, one);
    line("");
  }

  void before() {
    part("Before anything moves");
    step(StepKind::kLook, "The new file has no errors.");
    command("freshet fleet lint " + fleet_.file);
    if (const std::string names = without_id(fleet_, moved_); !names.empty())
      step(StepKind::kPeople, fmt::format("{} says by its id which cluster {} is (`connect: {{cluster_id: …}}`): "
                                          "`freshet fleet apply` changes none that it does not know.",
                                          fleet_.file, names));
    step(StepKind::kPeople,
         fmt::format("The clusters of {} stand (`freshet fleet render`), and have their topics.", fleet_.name));
    steps_.back().kind = StepKind::kCheck;
    command(fmt::format("freshet fleet apply {0} --dry-run && freshet fleet apply {0}", fleet_.file));
    way_back("nothing uses them yet");
    step(StepKind::kLook, fmt::format("{} is whole: nothing is under-replicated, no group is behind.", mono_.name));
    command(fmt::format("freshet fleet watch {} --cluster {} --once", old_.file, mono_.name));
    step(StepKind::kLook, "The mirrors' files are written.");
    mirror_files();
  }

  // One mirror for each home, one back from it, and those of the new file, as this program runs them.
  void mirror_files() {
    std::map<std::string, std::vector<const Moved*>> by_home;
    for (const Moved& moved : moved_) by_home[home_name(moved)].push_back(&moved);
    for (const auto& [home, all] : by_home) {
      const Cluster& cluster = fleet_.cluster_of(fleet_.topics[all.front()->home]);
      yaml::Node topics = yaml::list(), reverse = yaml::list();
      std::set<Index> from;
      for (const Moved* moved : all) {
        const Topic& before = old_.topics[moved->from];
        const Topic& after = fleet_.topics[moved->home];
        from.insert(moved->from);
        topics.items.push_back(mirror_rule(before, after));
        reverse.items.push_back(mirror_rule(after, before));
      }
      const std::vector<std::string> groups = groups_of(old_, from);
      mirror_file(there(*all.front()), end_node(old_, mono_), end_node(fleet_, cluster), topics, groups);
      mirror_file(back(*all.front()), end_node(fleet_, cluster), end_node(old_, mono_), reverse, {});
    }
    for (const Mirror& mirror : fleet_.mirrors) {
      yaml::Node topics = yaml::list();
      std::set<Index> read;
      for (const MirroredTopic& topic : mirror.topics) {
        topics.items.push_back(mirror_rule(fleet_.topics[topic.from], fleet_.topics[topic.to]));
        read.insert(topic.to);
      }
      mirror_file(mirror.name, end_node(fleet_, fleet_.clusters[mirror.from]),
                  end_node(fleet_, fleet_.clusters[mirror.to]), topics, groups_of(fleet_, read));
    }
  }

  // The file as `freshet mirror` takes it; indented, because it belongs to the step above it.
  void mirror_file(const std::string& name, yaml::Node source, yaml::Node target, const yaml::Node& topics,
                   const std::vector<std::string>& groups) {
    yaml::Node file = yaml::map("name", name, "instance", "1", "source", std::move(source), "target", std::move(target),
                                "topics", topics);
    if (!groups.empty()) yaml::put(file, "groups", yaml::list_of(groups));
    std::string text = yaml::write(file);
    files_.push_back({fmt::format("mirror-{}.yaml", name), text});
    out_ += fmt::format("\n  `mirror-{}.yaml`:\n\n  ```yaml\n", name);
    while (!text.empty()) {
      const size_t end = std::min(text.find('\n'), text.size());
      out_ += "  " + text.substr(0, end) + "\n";
      text.erase(0, end + 1);
    }
    out_ += "  ```\n";
  }

  void topic(const Moved& moved) {
    const Topic& before = old_.topics[moved.from];
    const Topic& after = fleet_.topics[moved.home];
    line("");
    part(fmt::format("{}: {} → {}", before.name, mono_.name, home_name(moved)));
    line(fmt::format("{} messages/s, {} kept, {} there.\n", count_text(before.messages_per_s),
                     bytes_text(rates_.topics[moved.from].kept_bytes), plural(after.partitions, "partition")));
    step(StepKind::kMirror,
         "It is mirrored; several processes share the work, each with an `--instance` of its own. (One mirror copies "
         "all topics that go to " +
             home_name(moved) + ": it may run already.)");
    mirror_command(there(moved), 8090);
    way_back("end the mirror; nobody reads its copy");
    step(
        StepKind::kCheck,
        "The copy is whole as far as it is: exit status 0. (`behind` says how much more the source has: while somebody "
        "writes there, hardly ever nothing.)");
    command(verify_of(there(moved), before.name));
    for (const std::string& group : groups_of(old_, {moved.from})) reader(moved, group);
    writers(moved);
  }

  // The group stands still from its last commit at the source until it is started at the target; nothing of it is lost
  // meanwhile, as both sides keep the records.
  void reader(const Moved& moved, const std::string& group) {
    const std::string& name = old_.topics[moved.from].name;
    const Index copy = copy_read_by(name, group);
    if (copy == kNone) return;  // is among what is not answered
    const Cluster& cluster = fleet_.cluster_of(fleet_.topics[copy]);
    const std::vector<const Mirror*> way = way_to(moved, copy);
    for (const Mirror* mirror : way) {
      step(StepKind::kMirror,
           fmt::format("{} has its copy: the mirror {} runs.", fleet_.clusters[mirror->to].name, mirror->name));
      mirror_command(mirror->name, 8091);
      way_back("end the mirror; nobody reads its copy");
      step(StepKind::kCheck, fmt::format("The copy of {} is whole.", fleet_.clusters[mirror->to].name));
      command(verify_of(mirror->name, name));
    }
    step(StepKind::kPeople,
         fmt::format("Group {} is stopped on {}, and its offsets go to {}.", group, mono_.name, cluster.name));
    steps_.back().kind = StepKind::kCheck;
    std::string offsets =
        fmt::format("freshet mirror offsets --config mirror-{}.yaml --group {} --apply", there(moved), group);
    for (const Mirror* mirror : way)
      offsets +=
          fmt::format("\n  freshet mirror offsets --config mirror-{}.yaml --group {} --apply", mirror->name, group);
    command(offsets);
    way_back(fmt::format("start it on {} again: its offsets there are as it left them", mono_.name));
    step(StepKind::kPeople,
         fmt::format("Group {} is started on {} ({}). It misses nothing, and reads some records again.", group,
                     cluster.name, bootstrap_text(fleet_, cluster)));
    steps_.back().kind = StepKind::kLook;
    command(fmt::format("freshet fleet watch {} --cluster {} --once", fleet_.file, cluster.name));
    way_back(fmt::format("stop it, start it on {}: it reads again what it has read on {}", mono_.name, cluster.name));
  }

  // The mirror back has to run before the first writer moves: else what is written at home is missed by readers who go
  // back.
  void writers(const Moved& moved) {
    const std::string& name = old_.topics[moved.from].name;
    const std::vector<std::string> services = writers_of(moved.from);
    step(StepKind::kMirror,
         fmt::format(
             "The mirror back runs, so that {} keeps all records from here on (a record is not sent back where it "
             "came from).",
             mono_.name));
    mirror_command(back(moved), 8092);
    way_back("end it");
    for (const std::string& service : services) {
      step(StepKind::kPeople,
           fmt::format("{} writes {} on {} instead of {}.", service, name, home_name(moved), mono_.name));
      way_back(fmt::format("it writes on {} again; the mirror there brings its records to the readers", mono_.name));
    }
    if (services.empty())
      step(StepKind::kPeople,
           fmt::format("Whoever writes {} (the file names nobody) writes on {}.", name, home_name(moved)));
    step(StepKind::kPeople,
         fmt::format("Nothing comes on {} any more but by the mirror back: both directions are whole.", mono_.name));
    steps_.back().kind = StepKind::kCheck;
    command(verify_of(there(moved), name) + "\n  " + verify_of(back(moved), name));
    way_back("all of the above, from the bottom up");
  }

  // The only steps that have no way back, and so the last.
  void after() {
    line("");
    part("When nobody wants to go back");
    step(StepKind::kPeople,
         "The mirrors to and from " + mono_.name + " are ended, those back first. From here on there is no way back.");
    steps_.back().kind = StepKind::kMirrorsEnd;
    // Not --strict: the mirrors' own topics are no part of the file.
    step(StepKind::kCheck,
         "The fleet is as the file says, but for the mirrors' own topics (freshet.mirror.…), which may be deleted.");
    command("freshet fleet diff " + fleet_.file);
    step(StepKind::kPeople,
         fmt::format("{} has no writer and no reader for as long as its longest retention.", mono_.name));
    steps_.back().kind = StepKind::kLook;
    command(fmt::format("freshet fleet watch {} --cluster {} --once --json", old_.file, mono_.name));
    step(StepKind::kPeople, fmt::format("{} is taken down.", mono_.name));
  }

  const Topology& old_;
  const Topology& fleet_;
  const Cluster& mono_;
  const Rates rates_;
  std::map<std::string, std::vector<Index>> homes_;
  std::vector<Moved> moved_;
  std::vector<std::string> unresolved_;
  std::string out_, part_;
  std::vector<RunbookStep> steps_;
  std::vector<RunbookFile> files_;
};

}  // namespace

Result<Migration> plan_migration(const Topology& old, Index cluster, const Topology& fleet) {
  FRESHET_ASSERT(cluster < old.clusters.size());
  return MigrationWriter(old, cluster, fleet).run();
}

}  // namespace freshet::fleet
