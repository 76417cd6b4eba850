#include "cli/printer.hpp"

#include <fmt/format.h>

#include "cli/text.hpp"

namespace walkit::cli {
namespace {

void write_dump(Output& out, EntryId id, std::string_view payload) {
  constexpr std::size_t kWidth = 16;
  out.write(fmt::format("entry {}, {} bytes\n", id.value, payload.size()));
  for (std::size_t at = 0; at < payload.size() && !out.stopped(); at += kWidth) {
    out.write(hex_line(at, payload.substr(at, kWidth)));
  }
}

Error named(Error error, const EntryView& entry) {
  error.message = "entry " + to_string(entry.entry_id) + ": " + error.message;
  error.file = entry.file;
  error.offset = entry.offset;
  return error;
}

Json place_of(const EntryView& entry) {
  return {{"id", entry.entry_id.value},
          {"schema", entry.schema},
          {"file", entry.file},
          {"offset", entry.offset},
          {"time", json_of_time(entry.time_ns)},
          {"time_ns", entry.time_ns == 0 ? Json() : Json(entry.time_ns)}};
}

}  // namespace

Status Printer::start() {
  if (options_.decoder.empty()) return {};
  auto started = Decoder::start(options_.decoder);
  if (!started) return started.error();
  decoder_.emplace(std::move(*started));
  return {};
}

Status Printer::finish() {
  if (!decoder_ || out_.stopped()) return {};
  return decoder_->finish([this](std::string_view line) { take_answer(line); });
}

Status Printer::decode(const EntryView& entry) {
  // A command that reads all before it answers would fill the memory.
  constexpr std::size_t kWaitingMax = 1 << 20;
  if (waiting_.size() >= kWaitingMax) {
    return Error{.code = Errc::io,
                 .message = "the decoder has read a million entries and answered none",
                 .next_step = "make it print each line at once, or use --format text"};
  }
  Json line{{"id", entry.entry_id.value}, {"schema", entry.schema}};
  put_payload(line, as_text(entry.payload));
  const bool places = options_.format == Format::jsonl;
  waiting_.push_back({entry.entry_id, places ? place_of(entry) : Json()});
  return decoder_->give(line_of(line), [this](std::string_view answer) { take_answer(answer); });
}

void Printer::take_answer(std::string_view line) {
  last_ = waiting_.front().id;
  Json json = std::move(waiting_.front().line);
  waiting_.pop_front();
  if (options_.format != Format::jsonl) return out_.write(escape(line) + "\n");
  Json parsed = Json::parse(line, nullptr, false);
  json["entry"] = parsed.is_discarded() ? Json(line) : std::move(parsed);
  out_.write(line_of(json));
}

Status Printer::print(const EntryView& entry) {
  if (decoder_) return decode(entry);
  last_ = entry.entry_id;
  const std::string_view payload = as_text(entry.payload);
  switch (options_.format) {
    case Format::text:
      if (entries_.describe) return print_described(entry);
      out_.write(escape(payload) + "\n");
      break;
    case Format::jsonl: {
      if (entries_.describe) return print_described(entry);
      Json line = place_of(entry);
      put_payload(line, payload);
      out_.write(line_of(line));
      break;
    }
    case Format::hex:
      write_dump(out_, entry.entry_id, payload);
      break;
    case Format::raw:
      out_.write(payload);
      break;
  }
  return {};
}

Status Printer::print_described(const EntryView& entry) {
  const auto words = entries_.describe(entry.payload, entry.schema);
  if (!words) return named(words.error(), entry);
  if (options_.format == Format::text) {
    out_.write(escape(*words) + "\n");
  } else {
    Json line = place_of(entry);
    line["entry"] = *words;
    out_.write(line_of(line));
  }
  return {};
}

}  // namespace walkit::cli
