#include "log/ways_to_read.hpp"

#include <sstream>

#include "log/log_box.hpp"
#include "starvation.hpp"
#include "walkit/io/memory_directory.hpp"
#include "walkit/maintenance.hpp"

namespace walkit {
namespace {

/// The files, in memory: what fails there for want of memory has no effect.
Home in_memory(const LogBox& box) {
  auto root = MemoryDirectory::create();
  for (const auto& [path, bytes] : box.image()) {
    const auto slash = path.find('/');
    auto home = root->subdirectory(path.substr(0, slash), OpenMode::create).value();
    const BytesView part{bytes};
    home->open(path.substr(slash + 1), OpenMode::create).value()->write_at(0, {&part, 1}).value();
  }
  return root;
}

/// Three segments; texts too long to fit into a string itself.
LogBox whole_box(Compression compression = Compression::none) {
  LogBox box({.compression = compression, .entry_type = {"an entry type with a long name"}});
  for (int life = 0; life < 3; ++life) {
    box.append(2);
    box.wal->append_batch({std::string(100, 'b'), std::string(100, 'c')}).value();
    box.close();
    if (life < 2) box.open();
  }
  return box;
}

Home whole() { return in_memory(whole_box()); }

Home torn() {
  LogBox box;
  box.append(3).flush(2).kill();
  const std::uint64_t end = read_segment(*box.home(), box.newest().substr(4)).frames.back().offset;
  box.change(box.newest(), [&](Bytes& bytes) {
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(end) + 40, bytes.end(), std::byte{0});
  });
  return in_memory(box);
}

Home damaged() {
  LogBox box = whole_box();
  box.flip(box.segment(1), 600);
  return in_memory(box);
}

std::string to_text(const ReplaySummary& summary, const std::vector<std::string>& texts) {
  std::string text = to_string(summary.entries) + " " + std::to_string(summary.entry_count) + " " +
                     std::to_string(static_cast<int>(summary.end));
  for (const Error& gap : summary.gaps) text += " " + to_string(gap);
  for (const Error& warning : summary.warnings) text += " " + to_string(warning);
  for (const std::string& entry : texts) text += "\n" + entry;
  return text;
}

/// What the test does with an answer is not starved.
template <class R, class Tell>
Said told(R&& result, Tell&& tell) {
  starvation::end();
  if (!result) return std::forward<R>(result).error();
  return tell(*result);
}
const auto kAsText = [](const auto& value) {
  std::ostringstream text;
  text << to_string(value);
  return text.str();
};

/// Refuses every second entry, and says why at length.
struct Picky {
  static constexpr CodecId id{"byte"};
  Status encode(const std::string& entry, ByteSink& out) const {
    out.write(entry);
    return {};
  }
  Result<std::string> decode(BytesView bytes) const {
    const auto text = as_text(bytes);
    if (text.ends_with("2") || text.ends_with("5")) {
      return Error{.code = Errc::decode, .message = "an entry that this codec does not like"};
    }
    return std::string(text);
  }
};
using PickyReader = WalReader<std::string, Picky>;

template <class R = Reader>
R reader_of(const Home& home) {
  return R::open(home, {.recorded_loss = RecordedLoss::accept}).value();
}

/// ask(reader) -> Result, told by `tell`.
template <class Call, class Tell>
auto asking(Call call, Tell tell) {
  return [=](const Home& home) -> Ask {
    return [=, reader = reader_of(home)] { return told(call(reader), tell); };
  };
}

template <class Call>
auto caring(Call call) {
  return [=](const Home& home) -> Ask {
    return [=, care = WalMaintenance::open(home).value()] { return told(call(care), kAsText); };
  };
}

/// run(reader, apply) -> Result<ReplaySummary>
template <class R = Reader, class Run>
auto applying(Run run) {
  return [=](const Home& home) -> Ask {
    const auto texts = std::make_shared<std::vector<std::string>>();
    texts->reserve(100);
    return [=, reader = reader_of<R>(home)] {
      texts->clear();
      auto summary = run(reader, [&](auto& r) { texts->push_back(std::move(r.payload)); });
      return told(std::move(summary), [&](const ReplaySummary& s) { return to_text(s, *texts); });
    };
  };
}

/// make(reader) -> a cursor; each step may starve.
template <class R = Reader, class Make>
auto pulling(Make make, std::size_t most = 100) {
  return [=](const Home& home) -> Ask {
    const auto texts = std::make_shared<std::vector<std::string>>();
    texts->reserve(100);
    return [=, reader = reader_of<R>(home)]() -> Said {
      texts->clear();
      auto cursor = make(reader);
      auto item = cursor.begin();
      for (; item != cursor.end() && texts->size() < most; ++item) {
        if (!*item) return std::move(*item).error();
        texts->push_back(std::move((*item)->payload));
        if (texts->size() == most) break;
      }
      const ReplaySummary& summary = cursor.summary();
      starvation::end();
      return to_text(summary, *texts);
    };
  };
}

constexpr auto kStrict = ReplayMode::strict, kBest = ReplayMode::best_effort,
               kSalvage = ReplayMode::salvage;

const auto kRecords = [](const auto& records) {
  std::string text;
  for (const auto& record : records) text += record.payload + "\n";
  return text;
};
template <ReplayMode mode>
Result<ReplaySummary> replay(const auto& reader, auto&& apply) {
  return reader.replay_each(mode, apply);
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const Scenario& scenario) {
  return out << scenario.name;
}

Home torn_log() { return torn(); }

std::vector<Scenario> ways_to_replay() {
  const auto of = [](Compression how) { return [=] { return in_memory(whole_box(how)); }; };
  return {
      {"Collected", whole, asking([](auto& r) { return r.replay(); }, kRecords)},
      {"BestEffort", torn, asking([](auto& r) { return r.replay(kBest); }, kRecords)},
      {"torn", torn, asking([](auto& r) { return r.replay(); }, kRecords)},
      {"corrupt", damaged, asking([](auto& r) { return r.replay(); }, kRecords)},
      {"Lz4", of(Compression::lz4), asking([](auto& r) { return r.replay(); }, kRecords)},
      {"Zstd", of(Compression::zstd), asking([](auto& r) { return r.replay(); }, kRecords)},
      {"Each", whole, applying([](auto& r, auto&& f) { return replay<kStrict>(r, f); })},
      {"EachSalvage", damaged, applying([](auto& r, auto&& f) { return replay<kSalvage>(r, f); })},
      {"EachSalvageOfWhatDoesNotDecode", damaged,
       applying<PickyReader>([](auto& r, auto&& f) { return replay<kSalvage>(r, f); })},
      {"decode", whole,
       applying<PickyReader>([](auto& r, auto&& f) { return replay<kStrict>(r, f); })},
      {"Until", whole,
       applying([](auto& r, auto&& f) { return r.replay_until(EntryId{6}, kStrict, f); })},
      {"Range", whole, applying([](auto& r, auto&& f) {
         return r.replay_range({EntryId{3}, EntryId{9}}, kBest, f);
       })},
      {"not_found", whole,
       applying([](auto& r, auto&& f) { return r.replay_until(EntryId{60}, kStrict, f); })},
      {"Count", whole,
       asking([](auto& r) { return r.entry_count(); }, [](auto n) { return std::to_string(n); })},
  };
}

std::vector<Scenario> ways_to_pull() {
  const auto number = [](const auto& value) { return to_string(value); };
  const auto payload = [](const auto& record) { return record.payload; };
  const auto time = [](const auto& at) { return std::to_string(at.time_since_epoch().count()); };
  const auto twice = [](auto& r) {
    r.read(EntryId{3}).ignore("warms up");
    return r.read(EntryId{9});
  };
  const auto cursor = [](ReplayMode mode) { return [=](auto& r) { return r.cursor({}, mode); }; };
  return {
      {"Cursor", whole, pulling(cursor(kStrict))},
      {"CursorBestEffort", torn, pulling(cursor(kBest))},
      {"CursorSalvage", damaged, pulling(cursor(kSalvage))},
      {"CursorSalvageOfWhatDoesNotDecode", damaged, pulling<PickyReader>(cursor(kSalvage))},
      {"corrupt", damaged, pulling(cursor(kStrict))},
      {"decode", whole, pulling<PickyReader>(cursor(kStrict))},
      {"NewestFirst", whole, pulling([](auto& r) { return r.newest_first(); })},
      {"Follow", whole, pulling([](auto& r) { return r.follow({}); }, 12)},
      {"ReadOne", whole, asking([](auto& r) { return r.read(EntryId{7}); }, payload)},
      {"ReadTwo", whole, asking(twice, payload)},
      {"not_found", whole, asking([](auto& r) { return r.read(EntryId{70}); }, payload)},
      {"FirstSince", whole, asking([](auto& r) { return r.first_since({}); }, number)},
      {"WrittenAt", whole, asking([](auto& r) { return r.written_at(EntryId{6}); }, time)},
  };
}

std::vector<Scenario> ways_to_care() {
  const auto segments = [](const Home& home) -> Ask {
    return [care = WalMaintenance::open(home).value()] {
      return told(care.segment_ranges(), [](const auto& infos) {
        std::string text;
        for (const auto& info : infos) text += info.file + " " + to_string(info.entries) + "\n";
        return text;
      });
    };
  };
  const auto salvage = [](const Home& home) -> Ask {
    const auto targets = std::make_shared<std::vector<Home>>();
    for (int n = 0; n < 2; ++n) targets->push_back(MemoryDirectory::create());
    return [=, care = WalMaintenance::open(home).value()] {
      const Home target = std::move(targets->back());
      targets->pop_back();
      return told(care.salvage(target), kAsText);
    };
  };
  const auto repair = [](const Home& home) -> Ask {
    const auto care = WalMaintenance::open(home).value();
    return [=]() -> Said {
      auto plan = care.plan_repair();
      if (!plan) return std::move(plan).error();
      const EntryIdRange lost = plan->lost;
      if (Status ok = care.apply(*plan, lost); !ok) return std::move(ok).error();
      starvation::end();
      const auto reader = Reader::open(home, {.recorded_loss = RecordedLoss::accept});
      if (!reader) return reader.error();
      return told(reader->replay(kBest), kRecords);
    };
  };
  return {
      {"Segments", whole, segments},
      {"Verify", whole, caring([](auto& care) { return care.verify(); })},
      {"VerifyDamaged", damaged, caring([](auto& care) { return care.verify(); })},
      {"Salvage", whole, salvage},
      {"SalvageDamaged", damaged, salvage},
      {"PlanRepair", damaged, caring([](auto& care) { return care.plan_repair(); })},
      {"Repair", damaged, repair},
  };
}

std::vector<Scenario> ways_to_open() {
  // The number of entries; the writer is closed on return.
  const auto open = [](WalOptions options) {
    return [=](const Home& home) -> Ask {
      return [=] {
        // "wal" and the type's name take no memory of their own.
        return told(Wal::open(home, options),
                    [](const Wal& wal) { return to_string(wal.next_entry_id()); });
      };
    };
  };
  const auto held = [=](const Home& home) -> Ask {
    const auto holder = std::make_shared<Wal>(Wal::open(home).value());
    return [holder, call = open({})(home)] { return call(); };
  };
  const auto closed = [](const Home& home) -> Ask {
    const auto wal = std::make_shared<Wal>(Wal::open(home).value());
    wal->close().value();
    return [wal] { return told(wal->append("more"), [](EntryId id) { return to_string(id); }); };
  };
  const auto unborn = [] {
    const Home root = whole();
    const auto home = root->subdirectory("wal", OpenMode::read).value();
    home->open(log::to_string(log::SegmentName{4, EntryId{13}}), OpenMode::create).value();
    return root;
  };
  return {
      {"AfterAClose", whole, open({})},
      {"AfterATornWrite", torn, open({})},
      {"WithoutPreallocation", torn, open({.preallocation = Preallocation::none})},
      {"SegmentThatWasNeverBorn", unborn, open({})},
      {"corrupt", torn, open({.expect_durable_through = EntryId{90}})},
      {"incompatible", whole, open({.entry_type = {"another type with a long name"}})},
      {"invalid_argument", whole, open({.segment_bytes = 1})},
      {"locked", whole, held},
      {"closed", whole, closed},
  };
}

}  // namespace walkit
