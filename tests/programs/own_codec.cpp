// A codec of one's own, of three members, without cereal: "key=value".
#include <string>
#include <walkit/codec.hpp>
#include <walkit/io/memory_directory.hpp>
#include <walkit/wal_reader.hpp>
#include <walkit/wal_writer.hpp>

#include "check.hpp"

struct Setting {
  std::string key, value;
};

struct TextCodec {
  static constexpr walkit::CodecId id{"text"};
  walkit::Status encode(const Setting& setting, walkit::ByteSink& out) const {
    if (setting.key.find('=') != std::string::npos) {
      return walkit::Error{.code = walkit::Errc::encode, .message = "a key holds no '='"};
    }
    out.write(setting.key);
    out.write("=");
    out.write(setting.value);
    return {};
  }
  walkit::Result<Setting> decode(walkit::BytesView bytes) const {
    const std::string_view text = walkit::as_text(bytes);
    const auto equals = text.find('=');
    if (equals == text.npos) return walkit::Error{.code = walkit::Errc::decode};
    return Setting{std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
  }
};
static_assert(walkit::Codec<TextCodec, Setting>);

int main() {
  const auto dir = walkit::MemoryDirectory::create();
  auto wal = walkit::WalWriter<Setting, TextCodec>::open(dir).value();
  CHECK(wal.append({"colour", "red=ish"}));
  const auto refused = wal.append({"a=b", ""});
  CHECK(!refused && refused.error().code == walkit::Errc::encode);
  CHECK(refused.error().message == "a key holds no '='");
  CHECK(wal.next_entry_id() == walkit::EntryId{2});  // no id was used

  const auto log = walkit::WalReader<Setting, TextCodec>::open(dir).value();
  const auto record = log.read(walkit::EntryId{1}).value();
  CHECK(record.payload.key == "colour" && record.payload.value == "red=ish");

  // The codec's id stands in the log.
  const auto other = walkit::WalReader<std::string, walkit::BytesCodec>::open(dir);
  CHECK(!other && other.error().code == walkit::Errc::incompatible);
}
