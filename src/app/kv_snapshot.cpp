#include "walkit/app/kv_snapshot.hpp"

#include <new>

#include "app/kv_image.hpp"
#include "app/kv_reading.hpp"

namespace walkit::kv {

namespace {

const Image& image_of(const std::shared_ptr<const Image>& image) {
  static const Image kEmpty;
  return image ? *image : kEmpty;
}

}  // namespace

KvSnapshot::KvSnapshot() = default;

std::uint64_t KvSnapshot::last_index() const { return image_of(image_).data.index(); }
std::uint64_t KvSnapshot::last_term() const { return image_of(image_).data.term(); }
Time KvSnapshot::now() const { return Time(image_of(image_).data.now()); }
std::size_t KvSnapshot::size() const { return image_of(image_).data.items().size(); }

std::optional<std::string> KvSnapshot::get(std::string_view key) const {
  return read_text(image_of(image_).data, key);
}
std::optional<Value> KvSnapshot::find(std::string_view key) const {
  return read_value(image_of(image_).data, key);
}
Page KvSnapshot::scan(const KeyRange& range, std::size_t limit) const {
  return read_page(image_of(image_).data, range, limit);
}

Status KvSnapshot::write(const std::function<Status(BytesView)>& take) const {
  return write_image(image_of(image_), take);
}

Result<Bytes> KvSnapshot::bytes() const try {
  Bytes all;
  Status ok = write([&](BytesView piece) -> Status {
    all.insert(all.end(), piece.begin(), piece.end());
    return {};
  });
  if (!ok) return std::move(ok).error();
  return all;
} catch (const std::bad_alloc&) {
  return Error{.code = Errc::no_memory, .message = "out of memory"};
}

Result<KvSnapshot> KvSnapshot::read(BytesView bytes) try {
  KvSnapshotReader reader;
  if (Status ok = reader.take(bytes); !ok) return std::move(ok).error();
  return reader.finish();
} catch (const std::bad_alloc&) {
  return Error{.code = Errc::no_memory, .message = "out of memory"};
}

struct KvSnapshotReader::Work {
  ImageReader reader{};
};

KvSnapshotReader::KvSnapshotReader() : work_(std::make_unique<Work>()) {}
KvSnapshotReader::KvSnapshotReader(KvSnapshotReader&&) noexcept = default;
KvSnapshotReader& KvSnapshotReader::operator=(KvSnapshotReader&&) noexcept = default;
KvSnapshotReader::~KvSnapshotReader() = default;

Status KvSnapshotReader::take(BytesView piece) { return work_->reader.take(piece); }

Result<KvSnapshot> KvSnapshotReader::finish() try {
  auto image = work_->reader.finish();
  if (!image) return std::move(image).error();
  return KvSnapshot(std::make_shared<const Image>(std::move(*image)));
} catch (const std::bad_alloc&) {
  return Error{.code = Errc::no_memory, .message = "out of memory"};
}

}  // namespace walkit::kv
