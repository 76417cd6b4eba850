#include <fmt/format.h>

#include <filesystem>

#include "cli/judge.hpp"
#include "cli/text.hpp"
#include "walkit/io/fs_directory.hpp"
#include "walkit/log/maintenance.hpp"

namespace walkit::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMapName = "losses.json";

Status write_map(Directory& target, const Json& map) {
  const auto file = target.open(kMapName, OpenMode::create);
  if (!file) return file.error();
  const std::string text = line_of(map);
  const BytesView bytes = as_bytes(text);
  if (Status ok = (*file)->write_at(0, {&bytes, 1}); !ok) return ok;
  if (Status ok = (*file)->sync(); !ok) return ok;
  return target.sync();
}

std::string lines_of(const SalvageReport& saved, const SalvageOptions& options) {
  std::string lines = fmt::format("entries: {}\ncount: {}\nlosses: {}\n", to_string(saved.entries),
                                  saved.entry_count, saved.losses.size());
  for (const Error& loss : saved.losses) lines += "  " + escape(to_string(loss)) + "\n";
  return lines + fmt::format("new log: {}\nmap of the losses: {}\n", escape(options.target),
                             escape((fs::path(options.target) / kMapName).native()));
}

}  // namespace

ExitCode salvage(const SalvageOptions& options) {
  Report report("salvage", options.json ? Report::Form::json : Report::Form::lines);
  report["directory"] = options.directory;
  report["target"] = options.target;
  const auto give_up = [&](const Error& error) { return report.finish(report.fail(error)); };
  const auto place = find_log(options.directory, FsAccess::read_only);
  if (!place) return give_up(place.error());
  const auto log = WalMaintenance::open(place->parent, {.subdirectory = place->subdirectory});
  if (!log) return give_up(log.error());
  if (Status ok = check_new_target(options.directory, options.target); !ok) {
    return give_up(ok.error());
  }
  if (Status ok = tell_writer(report, *place, ": saved up to what is durable"); !ok) {
    return give_up(ok.error());
  }
  const auto target = FsDirectory::open(options.target);
  if (!target) return give_up(target.error());
  const auto saved = log->salvage(*target);
  if (!saved) return give_up(saved.error());
  report["entries"] = json_of(saved->entries);
  report["count"] = saved->entry_count;
  Json& losses = report["losses"] = Json::array();
  for (const Error& loss : saved->losses) losses.push_back(json_of(loss));
  const Json map{{"schema", "walkit.losses/1"},
                 {"directory", options.directory},
                 {"entries", json_of(saved->entries)},
                 {"count", saved->entry_count},
                 {"losses", losses}};
  if (Status ok = write_map(**target, map); !ok) return give_up(ok.error());
  if (!saved->losses.empty()) {
    report.tell(saved->losses.front(),
                fmt::format("{} of the log could not be read; the new log has them as recorded "
                            "losses",
                            saved->losses.size() == 1 ? "one place" : "some places"));
  }
  return report.finish(saved->losses.empty() ? kIntact : kDamage, lines_of(*saved, options));
}

}  // namespace walkit::cli
