#include "docstore/split/split_store.h"
#include "testing/doc_store_conformance.h"
#include "testing/temporary_store.h"

namespace freshet::docstore {
namespace {

class Embedded final : public DocStoreUnderTest {
 public:
  DocStore& store() override { return *temporary_.store; }
  void reopen() override { temporary_.open(); }

 private:
  TemporaryStore temporary_;
};

class Split final : public DocStoreUnderTest {
 public:
  Split() { reopen(); }
  DocStore& store() override { return *split_; }
  void reopen() override {
    split_.reset();
    whole_.store.reset();
    part_.store.reset();
    split_ = make_split_store(whole_.open_again(), part_.open_again(), {"city", "k"});
  }

 private:
  TemporaryStore whole_;
  TemporaryStore part_;
  std::unique_ptr<DocStore> split_;
};

INSTANTIATE_TEST_SUITE_P(Here, DocStoreConformance,
                         testing::Values(Implementation{"embedded", [] { return std::make_unique<Embedded>(); }},
                                         Implementation{"split", [] { return std::make_unique<Split>(); }}));

}  // namespace
}  // namespace freshet::docstore
