#include "bucket.h"

#include <fstream>
#include <iterator>
#include <memory>
#include <utility>

namespace freshet::sim {
namespace {

tl::unexpected<Error> no_answer() { return fail(Code::kRetry, "the bucket does not answer"); }

}  // namespace

Bucket::Fate Bucket::fate_of(bool changes) {
  if (!dice_.permille(faults_.bucket_fails)) return Fate::kWell;
  probes_.hit(Probe::kBucketFailed);
  if (!changes) return Fate::kFails;
  static const std::vector<Fate> kFates = {Fate::kFails, Fate::kAnswerLost, Fate::kLate};
  return dice_.pick(kFates);
}

bool Bucket::land_late() {
  if (late_.empty()) return false;
  const std::function<void()> work = std::move(late_.front());
  late_.pop_front();
  if (dice_.one_in(3)) return true;
  probes_.hit(Probe::kBucketLate);
  work();
  return true;
}

Status BucketClient::change(std::function<Status()> work) {
  crash_.point();
  const Bucket::Fate fate = bucket_.fate_of(true);
  if (fate == Bucket::Fate::kLate) bucket_.late_.push_back([work = std::move(work)] { (void)work(); });
  if (fate == Bucket::Fate::kLate || fate == Bucket::Fate::kFails) return no_answer();
  const Status done = work();
  crash_.point();
  return fate == Bucket::Fate::kAnswerLost ? Status(no_answer()) : done;
}

Status BucketClient::put_new(const std::string& key, std::string_view content) {
  return change(
      [objects = &bucket_.objects(), key, content = std::string(content)] { return objects->put_new(key, content); });
}

// The file is gone when a late request takes effect, so its bytes are taken along.
Status BucketClient::put_file(const std::string& key, const objectstore::LocalFile& file, objectstore::Pace&) {
  std::ifstream in(file.path, std::ios::binary);
  return change([objects = &bucket_.objects(), key, bytes = std::string(std::istreambuf_iterator<char>(in), {})] {
    objects->objects[key] = bytes;
    return Status{};
  });
}

Status BucketClient::copy(const std::string& from, const std::string& to) {
  return change([objects = &bucket_.objects(), from, to] { return objects->copy(from, to); });
}

Status BucketClient::remove(const std::string& key) {
  return change([objects = &bucket_.objects(), key] { return objects->remove(key); });
}

Status BucketClient::get(const std::string& key, objectstore::Pace& pace, const objectstore::Sink& sink) {
  crash_.point();
  if (bucket_.fate_of(false) != Bucket::Fate::kWell) return no_answer();
  return bucket_.objects().get(key, pace, sink);
}

Result<std::vector<objectstore::Object>> BucketClient::list(const std::string& prefix) {
  crash_.point();
  if (bucket_.fate_of(false) != Bucket::Fate::kWell) return no_answer();
  return bucket_.objects().list(prefix);
}

}  // namespace freshet::sim
