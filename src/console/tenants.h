// The tenants as the admin listener shows and changes them; and its addresses for that. Who keeps them is app's
// (app/tenant_keeper.h).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "console/admin.h"
#include "model/tenant.h"

namespace freshet::console {

// Where a part of a tenant comes from.
struct TenantOrigin {
  uint64_t revision = 0;
  bool by_api = false;  // else the configuration's
  int64_t at_us = 0;
};

enum class TenantWhat : uint8_t { kSettings, kPlan };

// What somebody asks for: to make this of a tenant what `text` says (YAML or JSON), or to remove it, if there is none.
struct TenantOrder {
  std::string name;
  TenantWhat what = TenantWhat::kSettings;
  std::optional<std::string> text;
  // Whether it may name server keys, or a secret of the data API, that the tenant does not have: whoever holds one may
  // erase and merge its persons. And sinks that it does not have: they carry its persons away.
  bool may_entrust = false;
};

struct TenantSummary {
  std::string name;
  TenantOrigin settings;
};

// Thread-safe.
class TenantDesk {
 public:
  virtual ~TenantDesk() = default;

  // What a tenant is now. One that was removed is found, too: its data is there until it has expired or is erased.
  // null: there never was one.
  [[nodiscard]] virtual std::shared_ptr<const model::Tenant> find(const std::string& name) const = 0;
  // Up to so many that are there, by name, behind `after`.
  [[nodiscard]] virtual std::vector<TenantSummary> list(std::string_view after, size_t limit) const = 0;
  // A JSON object, without keys. nullopt: there is none, or it was removed.
  [[nodiscard]] virtual std::optional<std::string> show(const std::string& name) const = 0;

  // The same of its plan; nullopt: it has none.
  [[nodiscard]] virtual std::optional<std::string> show_plan(const std::string& name) const = 0;

  // `done` is called once the change is in the log and in force here, with what is shown then. nullopt: it names what
  // only an order that may_entrust may name, and nothing was changed. kInvalid: the text is
  // wrong, and where. kConflict: a key or an app_id is another tenant's, or there are too many tenants. kNotFound:
  // there is nothing to remove. kRetry: it was not changed, or nobody knows whether it was; to send it again is right.
  using Done = std::function<void(Result<std::optional<std::string>>)>;
  virtual void change(TenantOrder order, Done done) = 0;
};

// ---- addresses
void list_tenants(Admin& admin, Admin::Call& call);
void show_tenant(Admin& admin, Admin::Call& call);
void put_tenant(Admin& admin, Admin::Call& call);
void remove_tenant(Admin& admin, Admin::Call& call);
void show_plan(Admin& admin, Admin::Call& call);
void put_plan(Admin& admin, Admin::Call& call);
void remove_plan(Admin& admin, Admin::Call& call);

}  // namespace freshet::console
