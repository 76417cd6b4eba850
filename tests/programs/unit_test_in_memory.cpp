// A class of one's own over a log, and its unit test without a disk.
#include <map>
#include <string>
#include <walkit/walkit.hpp>

#include "check.hpp"

struct Change {
  std::string item;
  std::int64_t by = 0;
  static constexpr walkit::EntryType entry_type{"stock.change"};
  template <class A>
  void serialize(A& a) {
    a(item, by);
  }
};

class Stock {
 public:
  static walkit::Result<Stock> open(std::shared_ptr<walkit::Directory> dir) {
    auto wal = walkit::WalWriter<Change>::open(dir);  // first: settles what a crash left
    if (!wal) return wal.error();
    auto log = walkit::WalReader<Change>::open(dir);
    if (!log) return log.error();
    std::map<std::string, std::int64_t> counts;
    for (auto& record : log->cursor()) {
      if (!record) return record.error();
      counts[record->payload.item] += record->payload.by;
    }
    return Stock(std::move(*wal), std::move(counts));
  }

  walkit::Status change(const std::string& item, std::int64_t by) {
    if (count(item) + by < 0) {
      return walkit::Error{.code = walkit::Errc::invalid_argument, .message = "out of " + item};
    }
    if (const auto id = wal_.append({item, by}); !id) return id.error();
    counts_[item] += by;  // only once it is safe
    return {};
  }
  [[nodiscard]] std::int64_t count(const std::string& item) const {
    const auto found = counts_.find(item);
    return found == counts_.end() ? 0 : found->second;
  }

 private:
  Stock(walkit::WalWriter<Change> wal, std::map<std::string, std::int64_t> counts)
      : wal_(std::move(wal)), counts_(std::move(counts)) {}
  walkit::WalWriter<Change> wal_;
  std::map<std::string, std::int64_t> counts_;
};

int main() {
  const auto dir = walkit::MemoryDirectory::create();
  {
    Stock stock = Stock::open(dir).value();
    CHECK(stock.change("apple", 5));
    CHECK(stock.change("apple", -2));
    CHECK(stock.change("apple", -4).error().message == "out of apple");
    CHECK(Stock::open(dir).error().code == walkit::Errc::locked);
  }
  Stock stock = Stock::open(dir).value();
  CHECK(stock.count("apple") == 3 && stock.count("pear") == 0);
  CHECK(stock.change("apple", -3));
}
