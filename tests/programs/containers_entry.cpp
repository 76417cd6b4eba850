// Optionals and containers; those of the standard library need their <cereal/types/...>.
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <vector>
#include <walkit/walkit.hpp>

#include <cereal/types/array.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/memory.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/set.hpp>
#include <cereal/types/tuple.hpp>
#include <cereal/types/unordered_map.hpp>
#include <cereal/types/utility.hpp>

#include "check.hpp"

struct Document {
  std::optional<std::string> title;
  std::vector<std::pair<std::uint32_t, std::string>> lines;
  std::map<std::string, std::set<std::uint64_t>> words;
  std::unordered_map<std::string, double> scores;
  std::array<std::uint8_t, 4> colour{};
  std::tuple<bool, char, std::int64_t> flags;
  std::unique_ptr<std::string> note;
  template <class A>
  void serialize(A& a) {
    a(title, lines, words, scores, colour, flags, note);
  }
};

int main() {
  const auto dir = walkit::MemoryDirectory::create();
  auto wal = walkit::WalWriter<Document>::open(dir).value();
  Document document;
  document.title = "walking";
  document.lines = {{1, "left"}, {2, "right"}};
  document.words["left"] = {1, 5, 9};
  document.scores["left"] = 0.5;
  document.colour = {1, 2, 3, 4};
  document.flags = {true, 'x', -7};
  document.note = std::make_unique<std::string>("first");
  wal.append(document).value();
  wal.append({}).value();

  auto records = walkit::WalReader<Document>::open(dir).value().replay().value();
  CHECK(records.size() == 2);
  const Document& read = records[0].payload;
  CHECK(read.title == document.title);
  CHECK(read.lines == document.lines);
  CHECK(read.words == document.words);
  CHECK(read.scores == document.scores);
  CHECK(read.colour == document.colour);
  CHECK(read.flags == document.flags);
  CHECK(read.note && *read.note == "first");
  CHECK(!records[1].payload.title);
  CHECK(!records[1].payload.note);
}
