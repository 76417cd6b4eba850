#pragma once

#include <memory>
#include <string>
#include <vector>

#include "walkit/io/directory.hpp"
#include "walkit/testing/passing_directory.hpp"

namespace walkit::testing {

/// Any directory, with a look at whether its user keeps to the protocol that makes a log survive.
///
/// A file is published when it gets its name by a rename or a link, or was there before; one that
/// was created is not yet. To publish is to rename or link a file, or to write MANIFEST. The rules:
/// - Calls on one File do not overlap. No file is written or synced again while a sync of it runs,
///   whichever File is used.
/// - After a write, truncation or sync that failed, that file is not written or synced again; a
///   fill_zeros that found no space may be repeated.
/// - After such a failure of a published file, or a Directory::sync that failed with a new name in
///   that folder, nothing in it is written, synced or published until its lock is taken anew.
/// - What is published is synced, and so is all that was published before it in that folder.
/// - MANIFEST is written, and a published file removed, only when the names in that folder are
///   synced; the latter only when MANIFEST is.
/// - Published files change under the lock of their folder, or of one above it.
/// LOCK may be written at any time by its owner, since nothing relies on it.
///
/// Every call is handed on, also one that breaks a rule. Over a FaultDirectory it sees failures as
/// well. One writer's life, or several one after the other; any thread.
class CheckedDirectory : public PassingDirectory {
 public:
  [[nodiscard]] static std::shared_ptr<CheckedDirectory> create(std::shared_ptr<Directory> below);

  /// What broke a rule, in order, the first 100: "wal/MANIFEST: written before ...". Empty: all is
  /// well.
  [[nodiscard]] virtual std::vector<std::string> violations() const = 0;

 protected:
  using PassingDirectory::PassingDirectory;
};

}  // namespace walkit::testing
