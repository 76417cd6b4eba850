#include "cli/cli.hpp"

#include <CLI/CLI.hpp>
#include <charconv>
#include <csignal>
#include <cstdio>
#include <map>
#include <new>
#include <sstream>

#include "cli/output.hpp"
#include "cli/text.hpp"
#include "walkit/version.hpp"

namespace walkit::cli {
namespace {

struct Arguments {
  AppendOptions append{};
  CatOptions cat{};
  std::uint64_t from = 0, to = EntryId::max().value;
  bool cat_json = false;
  std::string newest{};
  LookOptions ls{}, stat{}, verify{};
  InspectOptions inspect{};
  RepairOptions repair{};
  std::string accept_loss{};
  SalvageOptions salvage{};
  TrimOptions trim{};
  std::uint64_t trim_before = 0;
  BackupOptions backup{};
  bool verify_backup = false;
  CheckpointsOptions checkpoint{};
};

constexpr const char* kExitCodes =
    "Exit codes: 0 intact, 1 torn or suspect tail, 2 damage, 4 in use by another writer, 64 "
    "usage,\n"
    "65 incompatible, 66 no log, 74 input or output failed, 130 interrupted. Words go to stderr, "
    "data "
    "to stdout.";

// Instead of CLI11's own transformer, whose error shows a table of numbers.
template <class Value>
CLI::Validator one_of(const std::map<std::string, Value>& values) {
  return CLI::Validator(
      [&values](std::string& text) {
        const auto found = values.find(text);
        if (found != values.end()) {
          text = std::to_string(static_cast<int>(found->second));
          return std::string();
        }
        std::string names;
        for (const auto& value : values) names += (names.empty() ? "" : ", ") + value.first;
        return "\"" + text + "\" is none of " + names;
      },
      "");
}

void add_directory(CLI::App& command, std::string& directory) {
  command.add_option("DIR", directory, "The directory of the log, or its folder wal")->required();
}

void add_json(CLI::App& command, bool& json) {
  command.add_flag("--json", json, "One JSON document on stdout, errors included");
}

void add_progress(CLI::App& command, When& progress) {
  static const std::map<std::string, When> kWhens{
      {"auto", When::automatic}, {"always", When::always}, {"never", When::never}};
  command
      .add_option("--progress", progress,
                  "A line on stderr that says how far it is; auto: on a terminal, after a second")
      ->transform(one_of(kWhens))
      ->option_text("auto|always|never [auto]");
}

CLI::App* add_look(CLI::App& app, const char* name, const char* words, LookOptions& options) {
  CLI::App* command = app.add_subcommand(name, words);
  add_directory(*command, options.directory);
  add_json(*command, options.json);
  return command;
}

void add_append(CLI::App& app, AppendOptions& options) {
  CLI::App* command = app.add_subcommand("append", "Append each line of stdin as an entry");
  add_directory(*command, options.directory);
  add_json(*command, options.json);
  static const std::map<std::string, AppendOptions::Sync> kSyncs{
      {"each", AppendOptions::Sync::each},
      {"batch", AppendOptions::Sync::batch},
      {"none", AppendOptions::Sync::none}};
  command
      ->add_option(
          "--sync", options.sync,
          "each: every line is durable before the next; batch: one sync for the lines that "
          "are there; none: to the operating system, one sync at the end")
      ->transform(one_of(kSyncs))
      ->option_text("each|batch|none [batch]");
  command->add_flag("--acks", options.acks,
                    "Print the ids of each group as soon as it is safe, not all at the end");
}

std::string entry_id(const std::string& text) {
  std::uint64_t id = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, id);
  const bool good = error == std::errc() && stop == end && id != 0;
  return good ? "" : "not an entry id, which is a number from 1 up: " + text;
}

// CLI11 takes -1 for a very large number.
std::string count(const std::string& text) {
  const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
  return digits ? "" : "not a number from 0 up: " + text;
}

void add_ways_of_reading(CLI::App& command, Arguments& arguments) {
  CLI::Option* keep_going =
      command.add_flag("--keep-going", arguments.cat.keep_going,
                       "Go on behind damage: print all that reads, and say what is lost");
  CLI::Option* newest =
      command
          .add_option("--newest", arguments.newest,
                      "The newest entry first, and N of them at most; DIR stands before it")
          ->expected(0, 1)
          ->check(count)
          ->option_text("[N]");
  CLI::Option* follow = command.add_flag("--follow", arguments.cat.follow,
                                         "Wait for more at the end, until Ctrl-C; what is durable");
  command
      .add_flag("--flushed", arguments.cat.flushed,
                "With --follow: also what a power cut may still take back")
      ->needs(follow);
  newest->excludes(keep_going);
  follow->excludes(keep_going);
  follow->excludes(newest);
}

void add_cat(CLI::App& app, Arguments& arguments) {
  CLI::App* command = app.add_subcommand("cat", "Print the entries of a log of any type");
  add_directory(*command, arguments.cat.directory);
  command->add_option("--from", arguments.from, "The first entry to print")
      ->check(entry_id)
      ->option_text("ID");
  command->add_option("--to", arguments.to, "The last entry to print")
      ->check(entry_id)
      ->option_text("ID");
  static const std::map<std::string, Format> kFormats{
      {"text", Format::text}, {"jsonl", Format::jsonl}, {"hex", Format::hex}, {"raw", Format::raw}};
  command
      ->add_option("--format", arguments.cat.format,
                   "text: a line each, escaped; jsonl: {\"id\":1,...,\"text\":\"...\"}, or \"hex\" "
                   "where it is no text; hex: a dump; raw: the bytes, nothing between them")
      ->transform(one_of(kFormats))
      ->option_text("text|jsonl|hex|raw [text]");
  command->add_option("--limit", arguments.cat.limit, "Print this many entries at most")
      ->check(count)
      ->option_text("N");
  command
      ->add_option(
          "--decoder", arguments.cat.decoder,
          "A command that gets {\"id\":1,\"schema\":1,\"text\":\"...\"} or \"hex\" on a line for "
          "each entry and prints a line for each, which is shown in its place")
      ->option_text("CMD");
  add_ways_of_reading(*command, arguments);
  add_progress(*command, arguments.cat.progress);
  command->add_flag("--json", arguments.cat_json, "The same as --format jsonl");
}

void add_inspect(CLI::App& app, InspectOptions& options) {
  CLI::App* command = app.add_subcommand("inspect", "Show the header and frames of one file");
  command->add_option("FILE", options.file, "A segment, MANIFEST or LOCK")->required();
  command->add_option("--offset", options.offset, "Show the frame at this byte, field by field")
      ->check(count)
      ->option_text("N");
  add_json(*command, options.json);
}

// "5-9", "5" or "none".
std::optional<EntryIdRange> parse_loss(const std::string& text) {
  if (text == "none") return EntryIdRange{};
  const std::size_t dash = std::min(text.find('-'), text.size());
  const std::string first = text.substr(0, dash);
  const std::string last = dash == text.size() ? first : text.substr(dash + 1);
  if (!entry_id(first).empty() || !entry_id(last).empty()) return std::nullopt;
  const EntryIdRange range{EntryId{std::stoull(first)}, EntryId{std::stoull(last)}};
  return range.empty() ? std::nullopt : std::optional(range);
}

void add_repair(CLI::App& app, Arguments& arguments) {
  CLI::App* command =
      app.add_subcommand("repair", "Say what would mend a damaged log; with --apply, do it");
  add_directory(*command, arguments.repair.directory);
  CLI::Option* apply = command->add_flag("--apply", arguments.repair.apply,
                                         "Do it: old files go whole into quarantine/");
  command
      ->add_option("--accept-loss", arguments.accept_loss,
                   "Entries that may be given up for ever: what the plan says at least")
      ->needs(apply)
      ->check([](const std::string& text) {
        return parse_loss(text) ? "" : "neither A-B, nor an entry id, nor none: " + text;
      })
      ->option_text("A-B|ID|none [none]");
  add_json(*command, arguments.repair.json);
}

void add_salvage(CLI::App& app, SalvageOptions& options) {
  CLI::App* command =
      app.add_subcommand("salvage", "Save what still reads of a damaged log as a new one");
  add_directory(*command, options.directory);
  command
      ->add_option("-o,--output", options.target,
                   "A new directory for the new log and losses.json, the map of what is not in it")
      ->required()
      ->option_text("OUT");
  add_json(*command, options.json);
}

void add_trim(CLI::App& app, Arguments& arguments) {
  CLI::App* command = app.add_subcommand(
      "trim", "Say which segments are needed no more; with --apply, remove them");
  add_directory(*command, arguments.trim.directory);
  command
      ->add_option("--before", arguments.trim_before,
                   "Entries below this one are needed no more; only whole segments go")
      ->required()
      ->check(entry_id)
      ->option_text("ID");
  command
      ->add_option("--keep-bytes", arguments.trim.keep_bytes,
                   "Nothing goes while the log is no larger than this")
      ->check(count)
      ->option_text("N");
  command
      ->add_option("--keep-age", arguments.trim.keep_seconds,
                   "Nothing goes that has an entry younger than this")
      ->check(count)
      ->option_text("SECONDS");
  command->add_flag("--apply", arguments.trim.apply, "Do it");
  add_json(*command, arguments.trim.json);
}

void add_backup(CLI::App& app, Arguments& arguments) {
  CLI::App* command =
      app.add_subcommand("backup", "Copy a log and its checkpoints, also while it is written");
  add_directory(*command, arguments.backup.directory);
  CLI::Option* output =
      command
          ->add_option("-o,--output", arguments.backup.target,
                       "A new directory for the copy; where it shares a file system with DIR, what "
                       "is written no more are hard links")
          ->option_text("OUT");
  command
      ->add_flag("--verify", arguments.verify_backup,
                 "DIR is a backup: is it what was copied, byte for byte?")
      ->excludes(output);
  add_json(*command, arguments.backup.json);
}

void add_checkpoint(CLI::App& app, CheckpointsOptions& options) {
  using Verb = CheckpointsOptions::Verb;
  CLI::App* command =
      app.add_subcommand("checkpoint", "Look at the checkpoints beside a log, or drop old ones");
  static const std::map<std::string, Verb> kVerbs{
      {"ls", Verb::ls}, {"verify", Verb::verify}, {"prune", Verb::prune}};
  command
      ->add_option("VERB", options.verb,
                   "ls: list them; verify: read each to its end; prune: say which are older than "
                   "those to keep, with --apply remove them")
      ->transform(one_of(kVerbs))
      ->required()
      ->option_text("ls|verify|prune");
  command->add_option("DIR", options.directory, "The directory of the log, or its checkpoints")
      ->required();
  command->add_option("--keep", options.keep, "prune: so many good ones stay, at least 2")
      ->check(CLI::Range(2u, 1'000'000u))
      ->option_text("N [2]");
  command->add_flag("--apply", options.apply, "prune: do it");
  add_json(*command, options.json);
}

ExitCode dispatch(const CLI::App& app, Arguments& arguments, const Entries& entries) {
  const std::string command = app.get_subcommands().front()->get_name();
  if (command == "append") return append(arguments.append, entries);
  if (command == "backup") {
    if (arguments.verify_backup || !arguments.backup.target.empty()) {
      return backup(arguments.backup);
    }
    return fail({.code = Errc::invalid_argument,
                 .message = "backup needs -o OUT, or --verify",
                 .next_step = "name a new directory for the copy"});
  }
  if (command == "checkpoint") return checkpoint(arguments.checkpoint);
  if (command == "inspect") return inspect(arguments.inspect);
  if (command == "repair") {
    if (!arguments.accept_loss.empty()) {
      arguments.repair.accepted = parse_loss(arguments.accept_loss).value_or(EntryIdRange{});
    }
    return repair(arguments.repair);
  }
  if (command == "ls") return ls(arguments.ls, entries);
  if (command == "salvage") return salvage(arguments.salvage);
  if (command == "stat") return stat(arguments.stat, entries);
  if (command == "trim") {
    arguments.trim.before = EntryId{arguments.trim_before};
    return trim(arguments.trim);
  }
  if (command == "verify") return verify(arguments.verify, entries);
  arguments.cat.from = EntryId{arguments.from};
  arguments.cat.to = EntryId{arguments.to};
  if (arguments.cat_json) arguments.cat.format = Format::jsonl;
  if (arguments.cat.from > arguments.cat.to) {
    return fail({.code = Errc::invalid_argument, .message = "--from is above --to"});
  }
  arguments.cat.newest = app.get_subcommand("cat")->count("--newest") != 0;
  if (!arguments.newest.empty()) {
    std::uint64_t most = ~std::uint64_t{0};
    std::from_chars(arguments.newest.data(), arguments.newest.data() + arguments.newest.size(),
                    most);
    arguments.cat.limit = std::min(arguments.cat.limit, most);
  }
  if (arguments.cat.follow && !arguments.cat.decoder.empty()) {
    return fail({.code = Errc::invalid_argument,
                 .message = "--decoder does not go with --follow",
                 .next_step = "pipe --json into the command instead"});
  }
  const bool lines = arguments.cat.format == Format::text || arguments.cat.format == Format::jsonl;
  if (!arguments.cat.decoder.empty() && !lines) {
    return fail({.code = Errc::invalid_argument,
                 .message = "--decoder prints lines: use it with --format text or jsonl"});
  }
  return cat(arguments.cat, entries);
}

// CLI11 has codes of its own, from 100 up.
ExitCode answer_parse_error(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream out, words;
  if (app.exit(error, out, words) != 0) {
    say(error.what());
    std::fputs("Run with --help for more information.\n", stderr);
    return kUsage;
  }
  Output output;
  output.write(out.str());
  if (Status ok = output.finish(); !ok) return fail(ok.error());
  return kIntact;
}

}  // namespace

// By what the caller does next.
ExitCode exit_code(Errc code) {
  switch (code) {
    case Errc::torn:
    case Errc::rewound:
      return kTorn;
    case Errc::corrupt:
      return kDamage;
    case Errc::locked:
      return kInUse;
    case Errc::invalid_argument:
    case Errc::too_large:
    case Errc::encode:
    case Errc::gap:
      return kUsage;
    case Errc::incompatible:
    case Errc::decode:
      return kIncompatible;
    case Errc::not_found:
      return kNoLog;
    case Errc::already_exists:
    case Errc::no_space:
    case Errc::no_memory:
    case Errc::io:
    case Errc::poisoned:
    case Errc::not_supported:
    case Errc::closed:
      return kIo;
  }
  return kIo;
}

void say(std::string_view words) {
  std::fputs(("walkit: " + escape(words) + "\n").c_str(), stderr);
}

ExitCode fail(const Error& error) {
  say(to_string(error));
  return exit_code(error.code);
}

int run(int argc, const char* const* argv, const Entries& entries) try {
  // A closed pipe and a file size limit are then answers of write(), not the end of the process.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  const bool writes = !entries.contents || entries.encode;
  CLI::App app(
      writes ? "Looks into write-ahead logs. Only `append` and what has --apply write into one."
             : "Looks into write-ahead logs. Only what has --apply writes into one.",
      entries.contents ? "" : "walkit");
  app.set_version_flag("--version", "walkit " + std::string(version()));
  app.footer(kExitCodes);
  app.require_subcommand(1);
  Arguments arguments;
  if (writes) add_append(app, arguments.append);
  add_backup(app, arguments);
  add_cat(app, arguments);
  add_checkpoint(app, arguments.checkpoint);
  add_inspect(app, arguments.inspect);
  add_repair(app, arguments);
  add_salvage(app, arguments.salvage);
  add_trim(app, arguments);
  add_look(app, "ls", "List the files of a log", arguments.ls);
  add_progress(*add_look(app, "stat", "Count entries, bytes and sizes", arguments.stat),
               arguments.stat.progress);
  add_progress(*add_look(app, "verify", "Read and check all of a log", arguments.verify),
               arguments.verify.progress);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return answer_parse_error(app, error);
  }
  return dispatch(app, arguments, entries);
} catch (const std::bad_alloc&) {
  return fail({.code = Errc::no_memory, .message = "out of memory"});
}

}  // namespace walkit::cli
