// The tenants of an installation as topic `schema` tells of them: what was proposed, and what is in force. A pure
// function of the records and their order, so every process that reads the topic has the same tenants.
//
// A part of a tenant (its settings, its plan) is what the highest revision says of it that was published.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/packed_text.h"
#include "freshet/v1/event.pb.h"
#include "model/tenant.h"

namespace freshet::app {

struct TenantPart {
  PackedText document;  // empty: it is not there
  uint64_t revision = 0;
  bool by_api = false;
  int64_t at_us = 0;
};

// Never changes once it is in the book.
struct TenantEntry {
  TenantPart settings;
  TenantPart plan;
  // What both say, with hashes for keys. Of a tenant that was removed, and of what this version can't read: what they
  // said last.
  std::shared_ptr<const model::Tenant> tenant;

  [[nodiscard]] bool is_there() const { return !settings.document.empty(); }
};

using TenantEntryPtr = std::shared_ptr<const TenantEntry>;

class TenantBook {
 public:
  // What one revision changes, as far as it was proposed by now.
  struct ProposedPart {
    std::string tenant;
    v1::TenantsChange::Part::What what;
    PackedText document;
  };
  struct Proposal {
    std::vector<ProposedPart> parts;
    bool by_api = false;
    int64_t at_us = 0;
  };

  // Takes in a record. Returns the names of the tenants that are others now; `unreadable` gets a line for each document
  // that this version does not understand.
  [[nodiscard]] std::vector<std::string> take(const v1::TenantsChange& change, std::vector<std::string>& unreadable);

  // How phone numbers are spelled where a tenant says nothing, of what is taken in from now on: an installation from
  // before goes on as it was, so that nobody who is known by a number becomes two.
  void set_phones_are_normal(bool are_normal) { phones_are_normal_ = are_normal; }

  [[nodiscard]] TenantEntryPtr find(std::string_view name) const;  // null: there never was one
  [[nodiscard]] const std::map<std::string, TenantEntryPtr, std::less<>>& entries() const { return entries_; }
  // Those that are there.
  [[nodiscard]] size_t count() const { return count_; }
  // What was proposed and not published so far, by revision.
  [[nodiscard]] const std::map<uint64_t, Proposal>& proposals() const { return proposals_; }
  // The highest one that is in force.
  [[nodiscard]] uint64_t revision() const { return revision_; }

 private:
  // False: nothing has changed, as something newer is in force.
  bool put(const ProposedPart& part, const TenantPart& now, std::vector<std::string>& unreadable);
  bool put_settings(const std::string& name, const TenantPart& now, std::vector<std::string>& unreadable);
  bool put_plan(const std::string& name, const TenantPart& now, std::vector<std::string>& unreadable);

  std::map<std::string, TenantEntryPtr, std::less<>> entries_;
  std::map<uint64_t, Proposal> proposals_;
  bool phones_are_normal_ = true;
  size_t count_ = 0;
  uint64_t revision_ = 0;
};

}  // namespace freshet::app
