// A durable map behind a prompt: kv [FOLDER]. Kill it when you like; what it answered is there when
// it comes back.

#include <chrono>
#include <iomanip>
#include <iostream>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>
#include <walkit/app/kv_store.hpp>
#include <walkit/walkit.hpp>

namespace kv = walkit::kv;

constexpr const char* kHelp =
    "put KEY VALUE [SECONDS]   writes; with SECONDS the key goes by itself\n"
    "get KEY                   the value\n"
    "del KEY                   erases it\n"
    "cas KEY OLD NEW           writes NEW if the value is OLD; OLD -: if there is none\n"
    "add KEY [NUMBER]          adds to a number\n"
    "scan [PREFIX]             all keys that begin so\n"
    "ttl KEY                   seconds that are left\n"
    "watch [PREFIX [REVISION]] prints changes as they come, from a revision on\n"
    "save                      takes a checkpoint\n"
    "quit                      or end of file. \"In quotes\" a word has blanks.\n";

class Shell {
 public:
  explicit Shell(kv::Store store) : store_(std::move(store)) {}
  ~Shell() {
    store_.close().ignore("all that was answered is durable");
    for (std::thread& watcher : watchers_) watcher.join();  // closed: they end
  }

  void run(std::istream& in) {
    for (std::string line; std::getline(in, line) && line != "quit";) print(answer(line));
  }

 private:
  void print(const std::string& text) {
    const std::lock_guard lock(printing_);
    std::cout << text << std::endl;
  }

  static std::vector<std::string> words_of(const std::string& line) {
    std::istringstream in(line);
    std::vector<std::string> words;
    for (std::string word; in >> std::quoted(word);) words.push_back(word);
    return words;
  }

  template <class T>
  static std::string text_of(const walkit::Result<T>& result) {
    if (!result) return to_string(result.error());
    const kv::Outcome& outcome = *result;
    switch (outcome.code) {
      case kv::Outcome::done:
        return "ok, revision " + std::to_string(outcome.revision);
      case kv::Outcome::mismatch:
        return "no: it is another value, of revision " + std::to_string(outcome.revision);
      case kv::Outcome::not_a_number:
        return "no: it is not a number";
      default:
        return "no: there is none";
    }
  }

  std::string answer(const std::string& line) {
    std::vector<std::string> words = words_of(line);
    if (words.empty()) return "";
    const std::string command = words.front();
    const std::size_t count = words.size() - 1;
    words.resize(5);
    if (command == "put" && count >= 2) return put(words[1], words[2], words[3]);
    if (command == "get" && count == 1) return get(words[1]);
    if (command == "del" && count == 1) return text_of(store_.erase(words[1]));
    if (command == "cas" && count == 3) return swap(words[1], words[2], words[3]);
    if (command == "add" && count >= 1) return add(words[1], words[2]);
    if (command == "scan" && count <= 1) return scan(words[1]);
    if (command == "ttl" && count == 1) return ttl(words[1]);
    if (command == "watch" && count <= 2) return watch(words[1], words[2]);
    if (command == "save" && count == 0) return save();
    return kHelp;
  }

  std::string put(const std::string& key, const std::string& value, const std::string& seconds) {
    kv::Life life;
    if (!seconds.empty()) life.ttl = std::chrono::seconds(std::strtoll(seconds.c_str(), {}, 10));
    return text_of(store_.put(key, value, life));
  }

  std::string get(const std::string& key) {
    const auto value = store_.get(key);
    if (!value) return to_string(value.error());
    return value->value_or("(none)");
  }

  std::string swap(const std::string& key, const std::string& old, const std::string& value) {
    const auto expected = old == "-" ? std::nullopt : std::optional(old);
    return text_of(store_.compare_and_swap(key, expected, value));
  }

  std::string add(const std::string& key, const std::string& number) {
    const auto sum =
        store_.increment(key, number.empty() ? 1 : std::strtoll(number.c_str(), {}, 10));
    return sum && *sum == kv::Outcome::done ? std::to_string(sum->number) : text_of(sum);
  }

  std::string scan(const std::string& prefix) {
    std::string text;
    kv::KeyRange range = kv::with_prefix(prefix);
    for (bool more = true; more;) {
      const auto page = store_.scan(range, 100);
      if (!page) return to_string(page.error());
      for (const auto& [key, value] : page->entries) text += key + " = " + value.value + "\n";
      more = page->next.has_value();
      if (more) range.begin = *page->next;
    }
    return text + "that is all";
  }

  std::string ttl(const std::string& key) {
    const auto value = store_.find(key);
    if (!value) return to_string(value.error());
    if (!*value) return "(none)";
    if (!(*value)->expires_at) return "for ever";
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto left = std::chrono::ceil<std::chrono::seconds>(*(*value)->expires_at - now);
    return std::to_string(left.count()) + " s";
  }

  std::string watch(const std::string& prefix, const std::string& revision) {
    const std::uint64_t from =
        revision.empty() ? store_.revision() + 1 : std::strtoull(revision.c_str(), {}, 10);
    watchers_.emplace_back([this, watch = store_.watch(prefix, from)]() mutable {
      while (const auto item = watch.next(std::chrono::hours(1))) {
        if (*item) print(text_of(**item));
      }
    });
    return "watching";
  }

  static std::string text_of(const kv::WatchItem& item) {
    if (const auto* gap = std::get_if<kv::Gap>(&item)) {
      return "* missed entries " + std::to_string(gap->first) + " to " + std::to_string(gap->last);
    }
    const auto& event = std::get<kv::Event>(item);
    const char* what = event.kind == kv::Event::Kind::written  ? " = "
                       : event.kind == kv::Event::Kind::erased ? " erased, was "
                                                               : " expired, was ";
    return "* " + std::to_string(event.revision) + ": " + event.key + what + event.value.value;
  }

  std::string save() {
    const auto saved = store_.checkpoint();
    return saved ? "saved" : to_string(saved.error());
  }

  std::mutex printing_;
  kv::Store store_;
  std::vector<std::thread> watchers_;
};

int main(int argc, char** argv) {
  auto dir = walkit::FsDirectory::open(argc > 1 ? argv[1] : "kv");
  if (!dir) return std::cerr << dir.error() << "\n", 1;
  auto store = kv::Store::open(*dir);
  if (!store) return std::cerr << store.error() << "\n", 1;
  std::cout << store->size().value() << " keys; anything else shows what you can say" << std::endl;
  Shell(std::move(*store)).run(std::cin);
}
