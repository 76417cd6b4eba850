// The tests that each entry type should have: the codec's promises, and bytes written once.
#include <cstdio>
#include <optional>
#include <string>
#include <vector>
#include <walkit/testing/suites.hpp>
#include <walkit/walkit.hpp>

#include <cereal/types/optional.hpp>

#include "check.hpp"

struct Shipment {
  std::uint64_t id = 0;
  std::vector<std::string> boxes;
  std::optional<std::string> note;
  static constexpr walkit::EntryType entry_type{"post.shipment", 1};
  friend bool operator==(const Shipment&, const Shipment&) = default;
  template <class A>
  void serialize(A& a) {
    a(id, boxes, note);
  }
};

/// Forgets what stands behind the first byte.
struct CarelessCodec {
  static constexpr walkit::CodecId id{"care"};
  walkit::Status encode(const std::string& text, walkit::ByteSink& out) const {
    out.write(std::string_view(text).substr(0, 1));
    return {};
  }
  walkit::Result<std::string> decode(walkit::BytesView bytes) const {
    return std::string(walkit::as_text(bytes));
  }
};

int main(int argc, char** argv) {
  CHECK(argc == 2);  // the golden file, kept beside the test
  const std::vector<Shipment> samples{{}, {17, {"a box", "another"}, "fragile"}};
  const walkit::Status promises = walkit::testing::codec_suite<Shipment>(samples);
  if (!promises) std::fprintf(stderr, "%s\n", to_string(promises.error()).c_str());
  CHECK(promises);
  const walkit::Status golden = walkit::testing::golden<Shipment>(argv[1], samples);
  if (!golden) std::fprintf(stderr, "%s\n", to_string(golden.error()).c_str());
  CHECK(golden);

  // What is wrong is told.
  const std::vector<Shipment> others{{}, {18, {}, {}}};
  CHECK(!walkit::testing::golden<Shipment>(argv[1], others));
  const auto missing = walkit::testing::golden<Shipment>("missing.txt", samples);
  CHECK(!missing && missing.error().code == walkit::Errc::not_found);
  const std::vector<std::string> texts{"text"};
  CHECK(!walkit::testing::codec_suite<std::string, CarelessCodec>(texts));
}
