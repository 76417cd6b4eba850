#pragma once

#include "cli/reading.hpp"
#include "cli/report.hpp"

namespace walkit::cli {

/// Says what one should know of a replay that ended well, and the exit code for it. Puts the bytes
/// of a torn end, what is proven and recorded losses into the document.
ExitCode judge(Report& report, const OpenLog& log, const ReplaySummary& summary);

/// The end of the newest segment, without reading what is before it.
ExitCode judge_end(Report& report, Directory& home);

/// Says it if somebody writes the log, and puts "in_use_by".
void tell_writer(Report& report, const std::string& writer, std::string_view words);
Status tell_writer(Report& report, const Place& place, std::string_view words);

}  // namespace walkit::cli
