#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "walkit/testing/passing_directory.hpp"

namespace walkit {

/// Calls `before` ahead of each call of one kind, in all folders of it: what others do meanwhile.
class BusyDirectory final : public testing::PassingDirectory {
 public:
  enum class Call { open, list, link };
  /// Gets the file's name; "" of a list.
  using Before = std::function<void(std::string_view name)>;

  BusyDirectory(std::shared_ptr<Directory> below, Call call, Before before)
      : PassingDirectory(std::move(below)), call_(call), before_(std::move(before)) {}

  Result<std::unique_ptr<File>> open(std::string_view name, OpenMode mode) override {
    if (call_ == Call::open) before_(name);
    return PassingDirectory::open(name, mode);
  }
  Result<std::vector<std::string>> list() override {
    if (call_ == Call::list) before_("");
    return PassingDirectory::list();
  }
  Status link(std::string_view name, Directory& into, std::string_view to) override {
    if (call_ == Call::link) before_(name);
    return PassingDirectory::link(name, into, to);
  }

 private:
  std::shared_ptr<Directory> wrap_subdirectory(std::string_view /*name*/,
                                               std::shared_ptr<Directory> directory) override {
    return std::make_shared<BusyDirectory>(std::move(directory), call_, before_);
  }

  Call call_;
  Before before_;
};

}  // namespace walkit
