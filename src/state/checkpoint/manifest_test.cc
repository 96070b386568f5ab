#include "state/checkpoint/manifest.h"

#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/hash.h"
#include "testing/project_path.h"

namespace freshet::state {
namespace {

v1::Checkpoint example() {
  v1::Checkpoint checkpoint;
  checkpoint.set_format(kCheckpointFormat);
  checkpoint.set_partition(3);
  checkpoint.set_partitions(16);
  checkpoint.set_next_offset(12'345);
  checkpoint.set_state_format(1);
  checkpoint.set_logic_version(2);
  checkpoint.set_installation(installation_fingerprint("0123456789abcdef"));
  checkpoint.set_taken_at_us(1'700'000'000'000'000);
  checkpoint.set_session(7);
  checkpoint.set_oldest_session(6);
  for (const char* name : {"000012.sst", "CURRENT", "MANIFEST-000005"}) {
    v1::CheckpointFile& file = *checkpoint.add_files();
    file.set_name(name);
    file.set_bytes(100);
    file.set_sha256(std::string(objectstore::view(objectstore::sha256(name))));
  }
  return checkpoint;
}

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST(Manifest, Golden) {
  const std::string path = project_path("tests/golden/v1/checkpoint");
  std::string meaning;
  google::protobuf::TextFormat::PrintToString(example(), &meaning);
  if (std::getenv("FRESHET_UPDATE_GOLDEN") != nullptr && !std::filesystem::exists(path + ".hex")) {
    std::ofstream(path + ".hex") << to_hex(encode_manifest(example())) << "\n";
    std::ofstream(path + ".txt") << meaning;
  }
  std::string stored = read(path + ".hex");
  ASSERT_FALSE(stored.empty());
  stored.pop_back();
  const auto decoded = decode_manifest(from_hex(stored));
  ASSERT_TRUE(decoded) << decoded.error().message;
  std::string decoded_meaning;
  google::protobuf::TextFormat::PrintToString(*decoded, &decoded_meaning);
  EXPECT_EQ(decoded_meaning, read(path + ".txt")) << "an old manifest means something else now";
  EXPECT_EQ(to_hex(encode_manifest(example())), stored) << "the same manifest is written differently now";
}

TEST(Manifest, EveryDamageIsSeen) {
  const std::string bytes = encode_manifest(example());
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 1);
    ASSERT_FALSE(decode_manifest(flipped)) << i;
    const auto cut = decode_manifest(bytes.substr(0, i));
    ASSERT_FALSE(cut) << i;
    EXPECT_EQ(cut.error().code, Code::kCorrupt);
  }
  EXPECT_FALSE(decode_manifest(bytes + "x"));
}

TEST(Manifest, RefusesWhatMakesNoSense) {
  const auto refused = [](const std::function<void(v1::Checkpoint&)>& change) {
    v1::Checkpoint checkpoint = example();
    change(checkpoint);
    const auto decoded = decode_manifest(encode_manifest(checkpoint));
    return !decoded && decoded.error().code == Code::kCorrupt;
  };
  for (const char* name : {"", "../x", "a/b", ".", "..", ".hidden", "a\nb"})
    EXPECT_TRUE(refused([&](v1::Checkpoint& c) { c.mutable_files(0)->set_name(name); })) << name;
  EXPECT_TRUE(refused([](v1::Checkpoint& c) { c.mutable_files(0)->set_sha256("short"); }));
  EXPECT_TRUE(refused([](v1::Checkpoint& c) { c.mutable_files(0)->set_name("CURRENT"); }));
  EXPECT_TRUE(refused([](v1::Checkpoint& c) { c.clear_files(); }));
  EXPECT_TRUE(refused([](v1::Checkpoint& c) { c.set_partition(16); }));
  EXPECT_TRUE(refused([](v1::Checkpoint& c) { c.set_next_offset(-1); }));
  EXPECT_TRUE(refused([](v1::Checkpoint& c) { c.set_oldest_session(8); }));
}

TEST(Manifest, OfANewerVersionIsNotDamaged) {
  v1::Checkpoint checkpoint = example();
  checkpoint.set_format(kCheckpointFormat + 1);
  const auto decoded = decode_manifest(encode_manifest(checkpoint));
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code, Code::kInvalid);
}

TEST(Manifest, Keys) {
  EXPECT_EQ(checkpoint_key(3, {7, 12}), "partitions/0003/checkpoints/0000000007-00000000000000000012");
  EXPECT_EQ(parse_checkpoint_key(3, checkpoint_key(3, {7, 12})), (CheckpointId{7, 12}));
  EXPECT_EQ(parse_checkpoint_key(4, checkpoint_key(3, {7, 12})), std::nullopt);
  for (const char* name : {"", "7-12", "0000000007-0000000000000000001x", "0000000007-00000000000000000012.new"})
    EXPECT_EQ(parse_checkpoint_key(3, checkpoints_prefix(3) + name), std::nullopt) << name;
  EXPECT_EQ(session_of(file_key(3, 7, {}), files_prefix(3)), 7u);
  EXPECT_EQ(session_of(owner_key(3, 8), owners_prefix(3)), 8u);
  EXPECT_EQ(session_of("x", files_prefix(3)), std::nullopt);
}

}  // namespace
}  // namespace freshet::state
