#include <fmt/format.h>

#include "cli/inspect.hpp"
#include "cli/text.hpp"

namespace walkit::cli {
namespace {

std::string hex_of(const LogIdentity& identity) { return hex(as_text(identity)); }
std::string salt_words(std::uint64_t salt) { return fmt::format("{:016x}", salt); }

std::string codec_words(std::uint32_t codec) {
  std::string text;
  for (int shift = 24; shift >= 0; shift -= 8) {
    if (const auto c = static_cast<char>(codec >> shift & 0xff); c != '\0') text += c;
  }
  return text;
}

}  // namespace

Json fields_of(const log::SegmentHeader& header) {
  return {{"log", hex_of(header.log)},
          {"segment", header.number},
          {"first_entry", header.first.value},
          {"epoch", header.epoch},
          {"salt", salt_words(header.salt())},
          {"watermark", header.durable_through.value},
          {"rehomed_through", header.rehomed_through.value},
          {"created", json_of_time(header.created_ns)},
          {"prev_segment", header.prev_number},
          {"prev_last", header.prev_last.value},
          {"prev_end", header.prev_end},
          {"prev_seal_end", header.prev_seal_end},
          {"prev_chain", fmt::format("{:08x}", header.prev_chain)},
          {"codec", codec_words(header.codec)},
          {"schema", header.schema},
          {"max_entry_bytes", header.max_entry_bytes},
          {"max_frame_bytes", header.max_frame_bytes},
          {"layout", header.layout == Layout::packed ? "packed" : "whole_blocks"},
          {"type", header.type_name},
          {"checksum", fmt::format("{:08x}", header.crc)}};
}

Json fields_of(const log::ManifestSlot& slot) {
  return {{"log", hex_of(slot.log)},
          {"generation", slot.generation},
          {"epoch", slot.epoch},
          {"first_segment", slot.first_segment},
          {"last_segment", slot.last_segment},
          {"first_salt", salt_words(slot.first_salt)},
          {"last_salt", salt_words(slot.last_salt)},
          {"last_segment_first", slot.last_segment_first.value},
          {"durable_through", slot.durable_through.value},
          {"closed", slot.clean},
          {"begins_after", slot.begins_after.value}};
}

Json fields_of(const log::LockRecord& record) {
  return {{"log", hex_of(record.log)},
          {"process", record.process},
          {"epoch", record.epoch},
          {"durable_through", record.durable_through.value}};
}

std::string lines_of(const Json& fields) {
  std::string lines;
  for (const auto& [name, value] : fields.items()) {
    const std::string words = value.is_string() ? escape(value.get<std::string>()) : value.dump();
    lines += fmt::format("  {:<18}  {}\n", name, words);
  }
  return lines;
}

std::string kind_words(const log::FrameHeader& header) {
  static constexpr std::string_view kKinds[] = {"", "entries", "marker", "loss", "close", "seal"};
  return header.kind != 0 && header.kind < std::size(kKinds) ? std::string(kKinds[header.kind])
                                                             : fmt::format("kind {}", header.kind);
}

std::string ids_words(const log::FrameHeader& header) {
  return header.count != 0 ? to_string(EntryIdRange{header.first, header.last()})
                           : fmt::format("({})", header.first.value);
}

}  // namespace walkit::cli
