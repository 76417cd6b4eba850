#include "log/pins.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/mutation.hpp"
#include "log/log_core.hpp"
#include "log/reading.hpp"
#include "walkit/log/maintenance.hpp"

namespace walkit {

RetentionPin::RetentionPin(std::shared_ptr<const log::CarePlace> place, EntryId from)
    : place_(std::move(place)), from_(from) {
  place_->pins.add(from_);
}

RetentionPin::RetentionPin(RetentionPin&& other) noexcept = default;

RetentionPin& RetentionPin::operator=(RetentionPin&& other) noexcept {
  if (this == &other) return *this;
  release();
  place_ = std::move(other.place_);
  from_ = other.from_;
  return *this;
}

RetentionPin::~RetentionPin() { release(); }

void RetentionPin::release() noexcept {
  if (place_) place_->pins.remove(from_);
  place_.reset();
}

namespace log {
namespace {

constexpr std::string_view kPinSuffix = ".pin";
constexpr std::size_t kPinNameBytesMax = 64;
constexpr int kLooksMax = 1000;  // a millisecond each: others hold the lock for a sync or two

std::string file_of(std::string_view name) { return std::string(name) + std::string(kPinSuffix); }

std::string temporary_of(std::string_view name) {
  return file_of(name) + std::string(kTemporarySuffix);
}

std::optional<std::string> name_of(std::string_view file) {
  if (!file.ends_with(kPinSuffix)) return std::nullopt;
  std::string name(file.substr(0, file.size() - kPinSuffix.size()));
  return check_pin_name(name) ? std::optional(std::move(name)) : std::nullopt;
}

Error at(std::string_view file, Error error) {
  error.file = std::string(kPinsName) + "/" + std::string(file);
  return error;
}

Result<PinRecord> read_record(Directory& folder, const std::string& file) {
  const auto bytes = read_start(folder, file, kPinRecordBytes);
  if (!bytes) return at(file, bytes.error());
  auto record = decode_pin_record(*bytes);
  if (!record) return at(file, record.error());
  return record;
}

// What readers of a read-only file system cannot do is said in those words.
Error cannot_pin(Error error) {
  error.message = "a pin is a file in the log's folder, and cannot be made: " + error.message;
  return error;
}

Result<std::shared_ptr<Directory>> make_folder(Directory& home) {
  auto folder = home.subdirectory(kPinsName, OpenMode::write);
  if (!folder && folder.error().code == Errc::not_found) {
    folder = home.subdirectory(kPinsName, OpenMode::create);
  }
  if (!folder) return cannot_pin(folder.error());
  return folder;
}

Result<std::unique_ptr<DirectoryLock>> wait_for_lock(Directory& folder) {
  for (int looks = 1;; ++looks) {
    auto lock = folder.lock();
    if (lock || lock.error().code != Errc::locked || looks == kLooksMax) return lock;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

}  // namespace

Status check_pin_name(std::string_view name) {
  const bool fits =
      !name.empty() && name.size() <= kPinNameBytesMax &&
      std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
      });
  if (fits) return {};
  return Error{.code = Errc::invalid_argument,
               .message = "a pin's name is 1 to " + std::to_string(kPinNameBytesMax) +
                          " of the characters a-z, 0-9, _ and -"};
}

Result<std::vector<PinInfo>> list_pins(Directory& home, const LogIdentity& log) {
  std::vector<PinInfo> pins;
  const auto folder = home.subdirectory(kPinsName, OpenMode::read);
  if (!folder && folder.error().code == Errc::not_found) return pins;
  if (!folder) return folder.error();
  const auto files = (*folder)->list();
  if (!files) return files.error();
  for (const std::string& file : *files) {
    auto name = name_of(file);
    if (!name) continue;
    const auto record = read_record(**folder, file);
    if (!record && record.error().code == Errc::not_found) continue;  // released meanwhile
    if (!record && record.error().code == Errc::no_memory) return record.error();
    PinInfo pin{.name = std::move(*name)};
    if (!record) {
      pin.fault = record.error();
    } else if (record->log != log) {
      pin.fault = at(file, {.code = Errc::rewound,
                            .message = "made for another log that stood in this place"});
    } else {
      pin.from = record->from;
      pin.bytes_max = record->bytes_max;
      pin.created_ns = record->created_ns;
    }
    pins.push_back(std::move(pin));
  }
  return pins;
}

Result<PinFolder> PinFolder::open(Directory& home) {
  auto folder = make_folder(home);
  if (!folder) return folder.error();
  auto lock = wait_for_lock(**folder);
  if (!lock) return cannot_pin(lock.error());
  const auto files = (*folder)->list();
  if (!files) return files.error();
  for (const std::string& file : *files) {
    if (!file.ends_with(std::string(kPinSuffix) + std::string(kTemporarySuffix))) continue;
    if (Status ok = (*folder)->remove(file); !ok) return ok.error();
  }
  return PinFolder(std::move(*folder), std::move(*lock));
}

Status PinFolder::put(std::string_view name, const PinRecord& record) {
  const std::string temporary = temporary_of(name);
  auto file = folder_->open(temporary, OpenMode::create);
  if (!file) return at(temporary, file.error());
  const PinRecordBytes bytes = encode(record);
  const BytesView parts[] = {bytes};
  if (Status ok = (*file)->write_at(0, parts); !ok) return at(temporary, ok.error());
  if (Status ok = (*file)->sync(); !ok) return at(temporary, ok.error());
  if (Status ok = folder_->rename({.from = temporary, .to = file_of(name)}); !ok) {
    return at(temporary, ok.error());
  }
  if (mutated(Mutation::pin_without_directory_sync)) return {};
  return folder_->sync();
}

Result<PinRecord> PinFolder::get(std::string_view name) {
  return read_record(*folder_, file_of(name));
}

Status PinFolder::remove(std::string_view name) {
  if (Status ok = folder_->remove(file_of(name)); !ok) return at(file_of(name), ok.error());
  return folder_->sync();
}

}  // namespace log

namespace {

using namespace log;

/// Between trims of the same object, or of the same writer.
class Turn {
 public:
  Turn(const CarePlace& place, std::shared_ptr<LogCore> core) : core_(std::move(core)) {
    if (core_) {
      begun_ = core_->begin_care();
    } else {
      lock_ = std::unique_lock(place.care);
    }
  }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;
  ~Turn() {
    if (core_ && begun_) core_->end_care();
  }
  [[nodiscard]] const Status& begun() const { return begun_; }

 private:
  std::shared_ptr<LogCore> core_;
  std::unique_lock<std::mutex> lock_{};
  Status begun_{};
};

// The first entry that can be held from there on. gap.
Result<EntryId> first_held(const Listing& listing, EntryId from) {
  const EntryId oldest = listing.oldest();
  if (from == EntryId{}) return oldest;
  if (from < oldest) return trimmed(from, oldest);
  return from;
}

Result<EntryId> put_pin(Directory& home, PinFolder& folder, std::string_view name,
                        PinRecord record) {
  const auto listing = list_log(home);
  if (!listing) return listing.error();
  const ManifestSlot* slot = listing->manifest_slot();
  if (slot == nullptr) return listing->warnings.front();
  const auto first = first_held(*listing, record.from);
  if (!first) return first.error();
  record.log = slot->log;
  record.from = *first;
  record.created_ns = static_cast<std::uint64_t>(home.now().count());
  if (Status ok = folder.put(name, record); !ok) return ok.error();
  return *first;
}

}  // namespace

Result<RetentionPin> WalMaintenance::pin(EntryId from) const try {
  const auto home = this->home(OpenMode::read);
  if (!home) return home.error();
  const Turn turn(*place_, core_);
  if (!turn.begun()) return turn.begun().error();
  const auto listing = list_log(**home);
  if (!listing) return listing.error();
  const auto first = first_held(*listing, from);
  if (!first) return first.error();
  return RetentionPin(place_, *first);
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<EntryId> WalMaintenance::pin(std::string_view name, EntryId from,
                                    std::uint64_t bytes_max) const try {
  if (Status ok = check_pin_name(name); !ok) return ok.error();
  const auto home = this->home(OpenMode::read);
  if (!home) return home.error();
  auto folder = PinFolder::open(**home);
  if (!folder) return folder.error();
  return put_pin(**home, *folder, name, {.from = from, .bytes_max = bytes_max});
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<EntryId> WalMaintenance::move_pin(std::string_view name, EntryId from) const try {
  if (Status ok = check_pin_name(name); !ok) return ok.error();
  const auto home = this->home(OpenMode::read);
  if (!home) return home.error();
  auto folder = PinFolder::open(**home);
  if (!folder) return folder.error();
  const auto record = folder->get(name);
  if (!record) return record.error();
  return put_pin(**home, *folder, name, {.from = from, .bytes_max = record->bytes_max});
} catch (const std::bad_alloc&) {
  return no_memory();
}

Status WalMaintenance::release_pin(std::string_view name) const try {
  if (Status ok = check_pin_name(name); !ok) return ok;
  const auto home = this->home(OpenMode::read);
  if (!home) return home.error();
  auto folder = PinFolder::open(**home);
  return folder ? folder->remove(name) : Status(folder.error());
} catch (const std::bad_alloc&) {
  return no_memory();
}

Result<std::vector<PinInfo>> WalMaintenance::pins() const try {
  const auto home = this->home(OpenMode::read);
  if (!home) return home.error();
  const auto listing = list_log(**home);
  if (!listing) return listing.error();
  const ManifestSlot* slot = listing->manifest_slot();
  return list_pins(**home, slot != nullptr ? slot->log : LogIdentity{});
} catch (const std::bad_alloc&) {
  return no_memory();
}

}  // namespace walkit
