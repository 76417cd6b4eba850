// Images that random worlds leave, read by a second reader that was written from docs/format.md
// alone: the same ids and bytes, and the same verdict.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>

#include "crash/damage.hpp"
#include "crash/worlds.hpp"
#include "golden/holds.hpp"
#include "io/temp_directory.hpp"
#include "walkit/maintenance.hpp"
#include "walkit/testing/matchers.hpp"
#include "walkit/wal_writer.hpp"

namespace walkit::crash {
namespace {

using testing::Crash;
using testing::CrashDirectory;
using Writer = WalWriter<std::string, BytesCodec>;

class ImageMaker {
 public:
  explicit ImageMaker(std::uint64_t seed) : random_(seed), world_(make_world(seed, totals_)) {}

  /// A crash, and what may come behind it: other lives, damage, a repair, a trim.
  std::shared_ptr<CrashDirectory> make() {
    if (!world_) return nullptr;
    image_ = world_->image;
    if (one_in(2)) live_on();
    if (one_in(4)) trim_some();
    if (one_in(6)) damage_tail();
    while (one_in(3)) damage();
    if (one_in(4)) repair();
    return image_;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }

  void live_on() {
    Setup setup = world_->setup;
    setup.compression = static_cast<Compression>(below(3));
    if (one_in(3)) setup.layout = Layout::whole_blocks;
    const bool closes = one_in(2);
    Trace trace(below(12));
    for (Call& call : trace) call = nth_trace(below(trace_count(1)), 1).front();
    if (closes) trace.push_back(Call::reopen);
    world_->model = run(image_, setup, trace, world_->model, 50);
    image_ = image_->crash(closes || one_in(2) ? Crash::process_kill : Crash::power_cut);
  }

  void trim_some() {
    const auto files = segments();
    if (files.size() < 3) return;
    const auto writer = Writer::open(image_, world_->setup.options());
    const Trim how = one_in(2) ? Trim::done : Trim::stopped;
    if (writer) trim(*image_, 1 + below(files.size() - 2), how);
    image_ = image_->crash(Crash::process_kill);
  }

  void damage() {
    const auto files = image_->list_files();
    if (files.empty()) return;
    const std::string& file = files[below(files.size())];
    const std::uint64_t bytes = image_->read_file(file).value().size();
    const auto kind = below(8);
    if (kind == 0) {
      image_->remove_file(file).value();
    } else if (kind == 1) {
      image_->swap_files(file, files[below(files.size())]).ignore("with itself");
    } else if (bytes > 0 && kind == 2) {
      image_->truncate_file(file, below(bytes)).value();
    } else if (bytes > 0 && kind == 3) {
      image_->zero_sector(file, below(bytes) / 512).value();
    } else if (bytes > 0) {
      image_->flip_bit(file, below(bytes * 8)).value();
    }
  }

  // Near the end of what was written, with no LOCK to say that it was durable.
  void damage_tail() {
    const auto files = segments();
    if (files.empty()) return;
    image_->remove_file("wal/LOCK").ignore("not there");
    const Bytes bytes = image_->read_file(files.back()).value();
    const auto last =
        std::find_if(bytes.rbegin(), bytes.rend(), [](std::byte b) { return b != std::byte{0}; });
    const auto end = static_cast<std::uint64_t>(bytes.rend() - last);
    if (end == 0) return;
    const std::uint64_t at = end - 1 - below(std::min<std::uint64_t>(end, 300));
    if (one_in(2)) {
      image_->flip_bit(files.back(), at * 8 + below(8)).value();
    } else {
      image_->truncate_file(files.back(), at).value();
    }
  }

  void repair() {
    const auto care = WalMaintenance::open(image_);
    if (!care) return;
    const auto plan = care->plan_repair();
    if (plan) care->apply(*plan, plan->lost).ignore("then it is as it is");
  }

  std::vector<std::string> segments() const {
    std::vector<std::string> files = image_->list_files();
    std::erase_if(files, [](const std::string& file) { return !file.ends_with(".wal"); });
    return files;
  }

  std::mt19937_64 random_;
  WorldTotals totals_{};
  Result<World> world_;
  std::shared_ptr<CrashDirectory> image_{};
};

/// "strict ENTRIES END", behind what a best-effort replay says.
std::string holds_of(const std::shared_ptr<CrashDirectory>& image) {
  Status status;
  std::string holds = golden::lines_of(image, {}, ReplayMode::best_effort, status);
  const std::string strict = golden::lines_of(image, {}, ReplayMode::strict, status);
  std::size_t entries = 0;
  for (std::size_t at = 0; (at = strict.find("entry ", at)) != std::string::npos; ++at) ++entries;
  if (!status) holds = "# " + to_string(status.error()) + "\n" + holds;
  const std::string end = status ? "ok" : std::string(to_string(status.error().code));
  return holds + "strict " + std::to_string(entries) + " " + end + "\n";
}

void write_image(const CrashDirectory& image, const std::string& holds,
                 const std::filesystem::path& folder) {
  std::filesystem::create_directory(folder);
  for (const std::string& file : image.list_files()) {
    const std::string name = file.substr(file.find('/') + 1);
    if (name.find('/') != std::string::npos) continue;  // quarantine
    const Bytes bytes = image.read_file(file).value();
    std::ofstream(folder / name, std::ios::binary) << as_text(bytes);
  }
  std::ofstream(folder / "holds.txt", std::ios::binary) << holds;
}

constexpr std::uint64_t kImages = 400;

// What the samples must not lack.
constexpr const char* kKinds[] = {"end clean", "end torn", "end suspect", "end corrupt", "gap "};

// WALKIT_IMAGES: how many.
TEST(Images, SecondReaderSaysTheSame) {
  const std::uint64_t images = from_environment("WALKIT_IMAGES", kImages);
  const std::uint64_t seed = from_environment("WALKIT_SEED", 1);
  std::printf("WALKIT_SEED=%lu\n", seed);
  std::fflush(stdout);
  const TempDirectory folders;
  std::map<std::string, std::uint64_t> kinds;
  for (std::uint64_t n = seed; n < seed + images; ++n) {
    const auto image = ImageMaker(n).make();
    ASSERT_NE(image, nullptr) << "seed " << n;
    const std::string holds = holds_of(image);
    for (const char* kind : kKinds) kinds[kind] += holds.find(kind) != std::string::npos ? 1 : 0;
    write_image(*image, holds, folders.path() / std::to_string(n));
  }
  const std::string command = WALKIT_PYTHON " -B " WALKIT_SOURCE_DIR
                                            "/tests/golden/read_log.py --images " +
                              folders.path().string();
  for (const char* kind : kKinds) {
    std::printf("%s: %lu\n", kind, kinds[kind]);
    if (images >= kImages) {
      EXPECT_GT(kinds[kind], 0u) << kind;
    }
  }
  std::fflush(stdout);
  EXPECT_EQ(std::system(command.c_str()), 0) << "a folder's number is its WALKIT_SEED";
}

}  // namespace
}  // namespace walkit::crash
