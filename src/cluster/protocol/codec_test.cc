// Bytes against Kafka's own description of each message (the json files of its protocol), and there and back.
#include "cluster/protocol/codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/hash.h"

namespace freshet::cluster::protocol {
namespace {

std::string hex_of(std::string_view bytes) { return to_hex(bytes); }

// Hex with blanks where a person reads.
std::string bytes_from(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n'; });
  return from_hex(text);
}

TEST(Codec, AReassignmentByteForByte) {
  AlterPartitionReassignmentsRequest request;
  request.timeout_ms = 60'000;
  request.topics = {{"ab", {{3, std::vector<int32_t>{1, 2}}, {4, std::nullopt}}}};
  EXPECT_EQ(hex_of(encode_request(request, 0, 7, "me")),
            hex_of(bytes_from("0000002c"            // size
                              "002d 0000 00000007"  // key 45, version 0, correlation
                              "0002 6d65 00"        // client: a classic string even in a flexible head; tags
                              "0000ea60"            // timeout
                              "02 03 6162"          // one topic, a compact string
                              "03 00000003 03 00000001 00000002 00"  // two partitions: to 1 and 2
                              "00000004 00 00"                       // cancelled: null
                              "00"                                   // tags of the topic
                              "00")));                               // of the request
}

TEST(Codec, LogDirsByteForByteInOldAndNew) {
  DescribeLogDirsRequest request;
  EXPECT_EQ(hex_of(encode_request(request, 1, 1, "c")),
            "0000000f"
            "0023"
            "0001"
            "00000001"
            "0001"
            "63"
            "ffffffff");
  EXPECT_EQ(hex_of(encode_request(request, 4, 1, "c")),
            "0000000e"
            "0023"
            "0004"
            "00000001"
            "0001"
            "63"
            "00"
            "00"
            "00");
  request.topics = {{"t", {5}}};
  EXPECT_EQ(hex_of(encode_request(request, 1, 1, "c")),
            "0000001a"
            "0023"
            "0001"
            "00000001"
            "0001"
            "63"
            "00000001"
            "0001"
            "74"
            "00000001"
            "00000005");

  const std::string frame = bytes_from(
      "00000009 00"                                          // correlation; tags: the head of a flexible answer
      "00000000 0000"                                        // throttle, error
      "02"                                                   // one dir
      "0000 03 2f64"                                         // no error, "/d"
      "02 02 74"                                             // one topic, "t"
      "02 00000005 0000000000001000 0000000000000002 01 00"  // one partition: 4096 bytes, 2 behind, future; tags
      "00"                                                   // tags of the topic
      "0000000000100000 0000000000080000 00"                 // total, usable; tags of the dir
      "01 05 02 aabb");                                      // one tag that we don't know, of two bytes
  const auto answer = decode_response<DescribeLogDirsRequest>(frame, 4, 9);
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  ASSERT_EQ(answer->dirs.size(), 1u);
  const auto& dir = answer->dirs[0];
  EXPECT_EQ(dir.path, "/d");
  EXPECT_EQ(dir.total_bytes, 1 << 20);
  EXPECT_EQ(dir.usable_bytes, 1 << 19);
  ASSERT_EQ(dir.topics.size(), 1u);
  EXPECT_EQ(dir.topics[0].partitions[0].bytes, 4096);
  EXPECT_TRUE(dir.topics[0].partitions[0].is_future);
}

TEST(Codec, ABrokerOfLogDirsBeforeVolumesAreTold) {
  const std::string frame = bytes_from("00000009 00000000 00000001 0000 0002 2f64 00000000");
  const auto answer = decode_response<DescribeLogDirsRequest>(frame, 1, 9);
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->dirs[0].total_bytes, -1);
}

TEST(Codec, OffsetsAndGroupsByteForByte) {
  ListOffsetsRequest offsets;
  offsets.topics = {{"t", {{3, -1, kEarliest}}}};
  EXPECT_EQ(hex_of(encode_request(offsets, 2, 1, "c")),
            hex_of(bytes_from("00000027 0002 0002 00000001 0001 63"     // size, key 2, version 2, correlation, client
                              "ffffffff 00"                             // not a replica; also what is not decided
                              "00000001 0001 74"                        // one topic
                              "00000001 00000003 fffffffffffffffe")));  // one partition, from the earliest
  const auto answer = decode_response<ListOffsetsRequest>(
      bytes_from("00000001 00 00000000 02 02 74 02 00000003 0000 ffffffffffffffff 000000000000002a 00000005 00 00 00"),
      6, 1);
  ASSERT_TRUE(answer) << answer.error().message;
  EXPECT_EQ(answer->topics[0].partitions[0].offset, 42);
  EXPECT_EQ(answer->topics[0].partitions[0].leader_epoch, 5);
  EXPECT_EQ(hex_of(encode_request(ListGroupsRequest(), 5, 1, "c")), "0000000f001000050000000100016300010100");
  const auto groups = decode_response<ListGroupsRequest>(
      bytes_from("00000001 00 00000000 0000 02 02 67 09 636f6e73756d6572 07 537461626c65 08 636c6173736963 00 00"), 5,
      1);
  ASSERT_TRUE(groups) << groups.error().message;
  EXPECT_EQ(groups->groups[0].state, "Stable");
  EXPECT_EQ(hex_of(encode_request(OffsetFetchRequest{"g", std::nullopt, false}, 7, 1, "c")),
            "000000110009000700000001000163000267000000");
  const auto committed = decode_response<OffsetFetchRequest>(
      bytes_from("00000001 00000001 0001 74 00000001 00000000 0000000000000007 0000 0000 0000"), 2, 1);
  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(committed->topics[0].partitions[0].offset, 7);
}

TEST(Codec, AConfigByteForByte) {
  IncrementalAlterConfigsRequest request;
  request.resources = {{kBrokerResource, "1", {{"a.rate", IncrementalAlterConfigsRequest::kSet, "10"}}}};
  EXPECT_EQ(hex_of(encode_request(request, 1, 1, "c")),
            hex_of(bytes_from("00000020 002c 0001 00000001 0001 63 00"
                              "02 04 02 31"                       // one resource: a broker, "1"
                              "02 07 612e72617465 00 03 3130 00"  // one config: set to "10"
                              "00 00 00")));                      // tags, validate only, tags
  request.resources[0].configs[0] = {"a.rate", IncrementalAlterConfigsRequest::kDelete, std::nullopt};
  EXPECT_EQ(hex_of(encode_request(request, 0, 1, "c")),
            hex_of(bytes_from("00000023 002c 0000 00000001 0001 63"
                              "00000001 04 0001 31 00000001 0006 612e72617465 01 ffff 00")));
}

TEST(Codec, RecordsGoAndComeByteForByte) {
  ProduceRequest produce;
  produce.timeout_ms = 1000;
  produce.topics = {{"t", {{3, "xy"}}}};
  EXPECT_EQ(hex_of(encode_request(produce, 3, 1, "c")),
            hex_of(bytes_from("00000028 0000 0003 00000001 0001 63"
                              "ffff ffff 000003e8"                  // no transaction, acks of all, timeout
                              "00000001 0001 74 00000001 00000003"  // one topic, one partition
                              "00000002 7879")));                   // records
  EXPECT_EQ(hex_of(encode_request(produce, 9, 1, "c")),
            hex_of(bytes_from("00000021 0000 0009 00000001 0001 63 00"
                              "00 ffff 000003e8 02 02 74 02 00000003 03 7879 00 00 00")));
  const auto written = decode_response<ProduceRequest>(
      bytes_from("00000001 00 02 02 74 02 00000003 0000 0000000000000009 ffffffffffffffff 0000000000000000 01 00 00"
                 "00 00000000 00"),
      9, 1);
  ASSERT_TRUE(written) << written.error().message;
  EXPECT_EQ(written->topics.at(0).partitions.at(0).base_offset, 9);

  FetchRequest fetch;
  fetch.topics = {{"t", {{3, -1, 7, -1, -1, 100}}}};
  EXPECT_EQ(hex_of(encode_request(fetch, 12, 1, "c")),
            hex_of(bytes_from("0000004e 0001 000c 00000001 0001 63 00"
                              "ffffffff 000001f4 00000001 00100000 00 00000000 ffffffff"  // waits, bounds, no session
                              "02 02 74 02 00000003 ffffffff 0000000000000007 ffffffff ffffffffffffffff 00000064 00 00"
                              "01 01 00")));  // nothing is forgotten, no rack
  const auto read = decode_response<FetchRequest>(
      bytes_from("00000001 00 00000000 0000 00000000 02 02 74 02 00000003 0000 0000000000000009 0000000000000009"
                 "0000000000000000 00 ffffffff 03 7879 00 00 00"),
      12, 1);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->topics.at(0).partitions.at(0).records, "xy");
  EXPECT_FALSE(read->topics.at(0).partitions.at(0).aborted);
}

TEST(Codec, TheEndOfATransactionByteForByte) {
  EXPECT_EQ(hex_of(encode_request(EndTxnRequest{"x", 5, 1, false}, 2, 1, "c")),
            hex_of(bytes_from("00000019 001a 0002 00000001 0001 63 0001 78 0000000000000005 0001 00")));
  EXPECT_EQ(hex_of(encode_request(EndTxnRequest{"x", 5, 1, true}, 5, 1, "c")),
            hex_of(bytes_from("0000001a 001a 0005 00000001 0001 63 00 02 78 0000000000000005 0001 01 00")));
  const auto ended =
      decode_response<EndTxnRequest>(bytes_from("00000001 00 00000000 0000 0000000000000005 0002 00"), 5, 1);
  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_EQ(ended->epoch, 2);
}

TEST(Codec, AnElectionOfAllByteForByte) {
  EXPECT_EQ(hex_of(encode_request(ElectLeadersRequest(), 2, 1, "c")),
            hex_of(bytes_from("00000013 002b 0002 00000001 0001 63 00 00 00 00007530 00")));
  EXPECT_EQ(hex_of(encode_request(ElectLeadersRequest(), 0, 1, "c")),
            hex_of(bytes_from("00000013 002b 0000 00000001 0001 63 ffffffff 00007530")));
}

TEST(Codec, ApiVersionsOfABrokerThatHasOnlyTheFirst) {
  // Asked in version 3, it answers in version 0 with error 35 and what it has (KIP-511).
  const std::string frame = bytes_from("00000001 0023 00000001 0012 0000 0002");
  const auto answer = decode_response<ApiVersionsRequest>(frame, 3, 1);
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->error, 35);
  ASSERT_EQ(answer->ranges.size(), 1u);
  EXPECT_EQ(answer->ranges[0].most, 2);
}

TEST(Codec, WhatIsWrongIsToldWithItsPlace) {
  const auto told = [](const char* hex) {
    const auto answer = decode_response<ListPartitionReassignmentsRequest>(bytes_from(hex), 0, 1);
    return answer ? std::string("accepted") : answer.error().message;
  };
  EXPECT_EQ(told("00000002 00 00000000 0000 00 01 00"), "an answer to request 2, where 1 is asked");
  EXPECT_EQ(told("00000001 00 00000000 0000 00 01"), "it ends in the midst of a value, at byte 8 of 8");
  EXPECT_EQ(told("00000001 00 00000000 0000 00 01 00 ff"), "more bytes than the message has, at byte 9 of 10");
  EXPECT_EQ(told("00000001 00 00000000 0000 00 ffffffff0f"),
            "a list of more items than there are bytes, at byte 12 of 12");
  EXPECT_EQ(told("00000001 00 00000000 0000 00 ffffffffff01"), "a varint of more than 32 bits, at byte 12 of 13");
  EXPECT_EQ(told("00000001 00 00000000 0000 00 00 00"), "a list that must not be null is, at byte 8 of 9");
}

TEST(Codec, AclsQuotasAndCredentialsByteForByte) {
  DescribeAclsRequest acls;
  acls.principal = "User:a";
  EXPECT_EQ(hex_of(encode_request(acls, 1, 1, "c")),
            hex_of(bytes_from("0000001b 001d 0001 00000001 0001 63 01 ffff 01 0006 557365723a61 ffff 01 01")));
  EXPECT_EQ(hex_of(encode_request(acls, 3, 1, "c")),
            hex_of(bytes_from("0000001a 001d 0003 00000001 0001 63 00 01 00 01 07 557365723a61 00 01 01 00")));
  const auto found = decode_response<DescribeAclsRequest>(
      bytes_from("00000001 00 00000000 0000 00 02 02 02 74 04 02 07 557365723a61 02 2a 03 03 00 00 00"), 3, 1);
  ASSERT_TRUE(found.has_value()) << found.error().message;
  ASSERT_EQ(found->resources.size(), 1u);
  EXPECT_EQ(found->resources[0].name, "t");
  EXPECT_EQ(found->resources[0].pattern, kPrefixedName);
  EXPECT_EQ(found->resources[0].acls[0].principal, "User:a");

  AlterClientQuotasRequest quotas;
  quotas.entries = {{{{"user", "a"}}, {{"k", 1.5, false}}}};
  EXPECT_EQ(hex_of(encode_request(quotas, 1, 1, "c")),
            hex_of(bytes_from("00000026 0031 0001 00000001 0001 63 00"  // head
                              "02 02 05 75736572 02 61 00"              // one entry of one part: user a
                              "02 02 6b 3ff8000000000000 00 00"         // one value: 1.5, not to be removed
                              "00 00 00")));                            // tags, for real, tags

  AlterScramRequest scram;
  scram.upsertions = {{"a", kSha512Credential, 4096, "s", "p"}};
  EXPECT_EQ(hex_of(encode_request(scram, 0, 1, "c")),
            hex_of(bytes_from("0000001b 0033 0000 00000001 0001 63 00 01 02 02 61 02 00001000 02 73 02 70 00 00")));
}

// Any prefix of an answer is refused, never taken for a whole one, whatever it is.
template <class Request>
void check_prefixes(const typename Request::Response& response) {
  for (int16_t version = Request::kLeast; version <= Request::kMost; ++version) {
    const std::string frame = encode_response<Request>(response, version, 3).substr(4);
    const auto whole = decode_response<Request>(frame, version, 3);
    ASSERT_TRUE(whole.has_value()) << whole.error().message;
    EXPECT_EQ(hex_of(encode_response<Request>(*whole, version, 3).substr(4)), hex_of(frame));
    for (size_t size = 0; size < frame.size(); ++size)
      EXPECT_FALSE(decode_response<Request>(frame.substr(0, size), version, 3).has_value()) << version << " " << size;
  }
}

TEST(Codec, APrefixIsNoAnswer) {
  check_prefixes<MetadataRequest>({1,
                                   {{1, "h", 9092, "a"}, {2, "i", 9093, std::nullopt}},
                                   "id",
                                   2,
                                   {{0, "t", {}, false, {{0, 0, 1, 4, {1, 2}, {1}, {2}}}, 0}},
                                   0});
  check_prefixes<DescribeLogDirsRequest>({0, 0, {{0, "/d", {{"t", {{0, 10, 0, false}}}}, 5, 4}}});
  check_prefixes<DescribeConfigsRequest>(
      {0, {{0, "w", 2, "t", {{"k", "v", false, 1, false, {{"s", "1", 5}}, 2, "d"}}}}});
  check_prefixes<ElectLeadersRequest>({0, 0, {{"t", {{0, 84, "not needed"}}}}});
  check_prefixes<AlterReplicaLogDirsRequest>({0, {{"t", {{0, 9}}}}});
  check_prefixes<DescribeAclsRequest>({0, 0, "m", {{2, "t", 3, {{"User:a", "*", 3, 3}}}}});
  check_prefixes<CreateAclsRequest>({0, {{7, "no"}}});
  check_prefixes<DescribeClientQuotasRequest>({0, 0, std::nullopt, {{{{{"user", "a"}}, {{"k", 2.5}}}}}});
  check_prefixes<AlterClientQuotasRequest>({0, {{0, std::nullopt, {{"user", std::nullopt}}}}});
  check_prefixes<DescribeScramRequest>({0, 0, std::nullopt, {{"a", 0, std::nullopt, {{2, 4096}}}}});
  check_prefixes<AlterScramRequest>({0, {{"a", 0, std::nullopt}}});
  check_prefixes<SaslAuthenticateRequest>({58, "no", "xyz", 3000});
}

rc::Gen<std::string> short_text() { return rc::gen::resize(12, rc::gen::arbitrary<std::string>()); }

RC_GTEST_PROP(Codec, ReassignmentsThereAndBack, ()) {
  AlterPartitionReassignmentsRequest request;
  request.timeout_ms = *rc::gen::arbitrary<int32_t>();
  const auto topics = *rc::gen::inRange(0, 4);
  for (int i = 0; i < topics; ++i) {
    AlterPartitionReassignmentsRequest::Topic topic;
    topic.name = *short_text();
    const auto partitions = *rc::gen::inRange(0, 200);  // more than a byte of a varint holds
    for (int k = 0; k < partitions; ++k) {
      AlterPartitionReassignmentsRequest::Partition partition;
      partition.index = *rc::gen::arbitrary<int32_t>();
      if (*rc::gen::arbitrary<bool>()) partition.replicas = *rc::gen::arbitrary<std::vector<int32_t>>();
      topic.partitions.push_back(std::move(partition));
    }
    request.topics.push_back(std::move(topic));
  }
  const auto version = static_cast<int16_t>(*rc::gen::inRange(0, 2));
  const std::string bytes = encode_request(request, version, 1, "c");
  const auto back = decode_request<AlterPartitionReassignmentsRequest>(std::string_view(bytes).substr(4));
  RC_ASSERT(back.has_value());
  RC_ASSERT(back->topics.size() == request.topics.size());
  for (size_t i = 0; i < back->topics.size(); ++i) {
    RC_ASSERT(back->topics[i].name == request.topics[i].name);
    RC_ASSERT(back->topics[i].partitions.size() == request.topics[i].partitions.size());
    for (size_t k = 0; k < back->topics[i].partitions.size(); ++k)
      RC_ASSERT(back->topics[i].partitions[k].replicas == request.topics[i].partitions[k].replicas);
  }
  RC_ASSERT(encode_request(*back, version, 1, "c") == bytes);
}

// A broker's text that is sent back, like the nonce of SCRAM, must not be one that can't be sent.
TEST(Codec, ATextHas32767BytesAtMost) {
  const auto asked = [](size_t bytes, int16_t version) {
    return encode_request(OffsetFetchRequest{std::string(bytes, 'g'), std::nullopt, false}, version, 1, "c");
  };
  const std::string longest = asked(32'767, 7);
  ASSERT_FALSE(longest.empty());
  EXPECT_TRUE(decode_request<OffsetFetchRequest>(std::string_view(longest).substr(4)).has_value());
  EXPECT_EQ(asked(32'768, 7), "");
  EXPECT_EQ(asked(32'768, 2), "");

  const std::string long_host = encode_response<MetadataRequest>(
      {0, {{7, std::string(32'768, 'h'), 9092, std::nullopt}}, "id", 7, {}, 0}, MetadataRequest::kMost, 3);
  EXPECT_THAT(decode_response<MetadataRequest>(std::string_view(long_host).substr(4), MetadataRequest::kMost, 3)
                  .error()
                  .message,
              ::testing::HasSubstr("a text of more than 32 KiB"));
  // What SASL exchanges are bytes.
  const std::string nonce(100'000, 'n');
  for (int16_t version = SaslAuthenticateRequest::kLeast; version <= SaslAuthenticateRequest::kMost; ++version) {
    const std::string frame = encode_request(SaslAuthenticateRequest{nonce}, version, 1, "c");
    const auto back = decode_request<SaslAuthenticateRequest>(std::string_view(frame).substr(4));
    ASSERT_TRUE(back.has_value()) << back.error().message;
    EXPECT_EQ(back->data, nonce);
  }
}

RC_GTEST_PROP(Codec, AnyBytesAreRefusedOrReadWhole, ()) {
  const std::string bytes = std::string(4, '\0') + *rc::gen::arbitrary<std::string>();
  each_request([&]<class Request>(const Request&) {
    for (int16_t version = Request::kLeast; version <= Request::kMost; ++version) {
      const auto answer = decode_response<Request>(bytes, version, 0);
      if (answer) (void)encode_response<Request>(*answer, version, 0);
    }
  });
}

}  // namespace
}  // namespace freshet::cluster::protocol
