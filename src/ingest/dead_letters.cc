#include "ingest/dead_letters.h"

#include "base/assert.h"
#include "base/hash.h"

namespace freshet::ingest {

std::vector<v1::DeadLetter> dead_letters_of(const std::vector<Rejection>& rejected, const LetterOrigin& origin,
                                            env::Random& random) {
  std::vector<v1::DeadLetter> letters;
  if (rejected.empty()) return letters;
  letters.reserve(rejected.size());
  // The randomness of all letters is drawn at once: one system call for a request, not one for each
  // item.
  const std::string noise = random.bytes(8 * rejected.size());
  FRESHET_ASSERT(noise.size() == 8 * rejected.size());
  std::string when(8, '\0');
  for (size_t i = 0; i < 8; ++i)
    when[i] = static_cast<char>(static_cast<uint64_t>(origin.received_at_us) >> (56 - 8 * i));
  for (size_t i = 0; i < rejected.size(); ++i) {
    const Rejection& rejection = rejected[i];
    FRESHET_ASSERT(!rejection.code.empty());
    v1::DeadLetter& letter = letters.emplace_back();
    letter.set_id(to_hex(when) + to_hex(std::string_view(noise).substr(8 * i, 8)));
    letter.set_tenant(std::string(origin.tenant));
    letter.set_source(std::string(origin.source));
    letter.set_code(rejection.code);
    letter.set_reason(rejection.message);
    letter.set_body(rejection.item);
    letter.set_body_type(v1::DeadLetter::JSON_ITEM);
    letter.set_endpoint(std::string(origin.endpoint));
    letter.set_received_at_us(origin.received_at_us);
    letter.set_sent_at_us(rejection.sent_at_us);
    letter.set_message_id(rejection.message_id);
    letter.set_context(rejection.context);
    letter.set_by_server_key(origin.scope == model::KeyScope::kServer);
  }
  return letters;
}

}  // namespace freshet::ingest
