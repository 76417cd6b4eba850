#include <fmt/format.h>

#include <filesystem>

#include "cli/report.hpp"
#include "cli/text.hpp"
#include "walkit/checkpoint/checkpoint_files.hpp"
#include "walkit/io/fs_directory.hpp"

namespace walkit::cli {
namespace {

namespace fs = std::filesystem;

// `path` is the directory of the log, or the store's own folder in it.
Result<CheckpointFiles> open_store(const CheckpointsOptions& options, FsAccess access) {
  CheckpointOptions how{.keep = options.keep, .max_bytes = ~std::uint64_t{0}};
  fs::path parent = options.directory;
  std::error_code error;
  if (!fs::is_directory(parent, error)) {
    return Error{.code = Errc::not_found,
                 .message = options.directory + ": no such directory",
                 .next_step = "check the path"};
  }
  if (!fs::exists(parent / how.subdirectory, error)) {
    const fs::path folder = fs::canonical(parent, error);
    if (!error && folder.filename() == how.subdirectory) parent = folder.parent_path();
  }
  auto directory = FsDirectory::open(parent, {.access = access});
  if (!directory) return directory.error();
  return CheckpointFiles::open(std::move(*directory), std::move(how), std::nullopt);
}

Json json_of(const CheckpointInfo& info) {
  return {{"entry_id", info.entry_id.value},
          {"bytes", info.bytes},
          {"created", cli::json_of_time(info.created_ns)},
          {"file", info.file}};
}

std::vector<std::string> cells_of(const CheckpointInfo& info) {
  return {to_string(info.entry_id), std::to_string(info.bytes),
          info.created_ns == 0 ? "-" : time_words(info.created_ns)};
}

ExitCode none_there(Report& report) {
  return report.fail({.code = Errc::not_found,
                      .message = "there are no checkpoints here",
                      .next_step = "check the path; CheckpointStore::save or Journaled make them"});
}

// What is left of a save that was stopped, and what is not walkit's.
Status tell_other_files(Report& report, const CheckpointFiles& store) {
  const auto others = store.other_files();
  if (!others) return others.error();
  for (const std::string& name : *others) report.note("no checkpoint: " + name);
  report["other_files"] = *others;
  return {};
}

ExitCode list(Report& report, const CheckpointFiles& store, std::string& lines) {
  const auto infos = store.list();
  if (!infos) return report.fail(infos.error());
  std::vector<std::vector<std::string>> cells{{"ENTRY", "BYTES", "CREATED"}};
  Json& rows = report["checkpoints"] = Json::array();
  for (const CheckpointInfo& info : *infos) {
    rows.push_back(json_of(info));
    cells.push_back(cells_of(info));
  }
  if (Status ok = tell_other_files(report, store); !ok) return report.fail(ok.error());
  if (infos->empty()) return none_there(report);
  lines = table(cells, ">>");
  return kIntact;
}

ExitCode check(Report& report, const CheckpointFiles& store, std::string& lines) {
  const auto infos = store.list();
  if (!infos) return report.fail(infos.error());
  std::vector<std::vector<std::string>> cells{{"ENTRY", "BYTES", "CREATED", "STATE"}};
  Json rows = Json::array();
  std::optional<EntryId> newest;
  ExitCode code = kIntact;
  for (const CheckpointInfo& info : *infos) {
    const auto read = store.read(info.entry_id, [](BytesView) { return Status{}; });
    rows.push_back(json_of(info));
    rows.back()["good"] = read.has_value();
    cells.push_back(cells_of(info));
    cells.back().emplace_back(read ? "good" : std::string(to_string(read.error().code)));
    if (read) newest = info.entry_id;
    if (!read) code = report.fail(read.error());
  }
  report["checkpoints"] = std::move(rows);
  report["recovery_begins_at"] = newest ? Json(newest->value) : Json();
  if (Status ok = tell_other_files(report, store); !ok) return report.fail(ok.error());
  if (infos->empty()) return none_there(report);
  lines = table(cells, ">>>");
  lines += newest ? fmt::format("recovery begins at entry {}\n", newest->value)
                  : "none verifies: recovery needs the whole log\n";
  return code;
}

ExitCode prune(Report& report, const CheckpointsOptions& options, CheckpointFiles& store,
               std::string& lines) {
  const auto infos = options.apply ? store.prune() : store.plan_prune();
  if (!infos) return report.fail(infos.error());
  Json& rows = report["removed"] = Json::array();
  report["applied"] = options.apply;
  const std::string_view verb = options.apply ? "removed" : "would remove";
  for (const CheckpointInfo& info : *infos) {
    rows.push_back(json_of(info));
    lines += fmt::format("{} the checkpoint at entry {}, {} bytes\n", verb, info.entry_id.value,
                         info.bytes);
  }
  if (infos->empty()) {
    lines = fmt::format("nothing to remove: {} good ones are kept\n", options.keep);
  } else if (!options.apply) {
    lines += fmt::format("next: walkit checkpoint prune {} --keep {} --apply\n",
                         escape(shell_word(options.directory)), options.keep);
  }
  return kIntact;
}

}  // namespace

ExitCode checkpoint(const CheckpointsOptions& options) {
  using Verb = CheckpointsOptions::Verb;
  const char* const names[] = {"checkpoint-ls", "checkpoint-verify", "checkpoint-prune"};
  Report report(names[static_cast<int>(options.verb)],
                options.json ? Report::Form::json : Report::Form::lines);
  report["directory"] = options.directory;
  const bool writes = options.verb == Verb::prune && options.apply;
  auto store = open_store(options, writes ? FsAccess::must_exist : FsAccess::read_only);
  if (!store) return report.finish(report.fail(store.error()));
  std::string lines;
  const ExitCode code = options.verb == Verb::ls       ? list(report, *store, lines)
                        : options.verb == Verb::verify ? check(report, *store, lines)
                                                       : prune(report, options, *store, lines);
  return report.finish(code, lines);
}

}  // namespace walkit::cli
