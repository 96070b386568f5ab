// Protobuf asks of each string of a message whether it is UTF-8, when it reads it and again when it writes it. Nearly
// all of them are ASCII and short, which eight bytes at a time tell at once; the calls come here instead of to Protobuf
// (--wrap in CMakeLists.txt), and what is not ASCII goes on to it. What is refused stays the same.
#include <google/protobuf/parse_context.h>
#include <google/protobuf/wire_format_lite.h>

#include <cstdint>
#include <cstring>

namespace {

using Operation = google::protobuf::internal::WireFormatLite::Operation;
using google::protobuf::StringPiece;

template <class Word>
Word word_at(const char* text) {
  Word word;
  std::memcpy(&word, text, sizeof word);
  return word;
}

// The last word overlaps the one before it.
template <class Word>
bool words_are_ascii(const char* text, size_t size) {
  Word all = word_at<Word>(text + size - sizeof all);
  for (size_t at = 0; at + sizeof all < size; at += sizeof all) all |= word_at<Word>(text + at);
  return (all & static_cast<Word>(0x8080808080808080)) == 0;
}

bool is_ascii(const char* text, size_t size) {
  if (size >= sizeof(uint64_t)) return words_are_ascii<uint64_t>(text, size);
  if (size >= sizeof(uint32_t)) return words_are_ascii<uint32_t>(text, size);
  unsigned char all = 0;
  for (size_t at = 0; at < size; ++at) all = static_cast<unsigned char>(all | static_cast<unsigned char>(text[at]));
  return all < 0x80;
}

}  // namespace

namespace freshet {

// The labels are the names that the linker gives to calls of WireFormatLite::VerifyUtf8String(), which is asked of what
// is written, and of VerifyUTF8(), which is asked of what is read; and to what Protobuf itself has by these names.
bool protobuf_checks_written(const char* text, int size, Operation operation, const char* field) __asm__(
    "__real__ZN6google8protobuf8internal14WireFormatLite16VerifyUtf8StringEPKciNS2_9OperationES4_");
bool check_written(const char* text, int size, Operation operation, const char* field) __asm__(
    "__wrap__ZN6google8protobuf8internal14WireFormatLite16VerifyUtf8StringEPKciNS2_9OperationES4_");
bool protobuf_checks_read(StringPiece text, const char* field) __asm__(
    "__real__ZN6google8protobuf8internal10VerifyUTF8ENS0_20stringpiece_internal11StringPieceEPKc");
bool check_read(StringPiece text, const char* field) __asm__(
    "__wrap__ZN6google8protobuf8internal10VerifyUTF8ENS0_20stringpiece_internal11StringPieceEPKc");

bool check_written(const char* text, int size, Operation operation, const char* field) {
  return is_ascii(text, static_cast<size_t>(size)) || protobuf_checks_written(text, size, operation, field);
}

bool check_read(StringPiece text, const char* field) {
  return is_ascii(text.data(), static_cast<size_t>(text.size())) || protobuf_checks_read(text, field);
}

}  // namespace freshet
