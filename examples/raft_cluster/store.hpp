#pragma once

#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

/// What is replicated: keys and their values. A command is the text "KEY VALUE". A value.
class Store {
 public:
  void apply(std::string_view command) {
    const auto space = command.find(' ');
    values_[std::string(command.substr(0, space))] = command.substr(space + 1);
    history_ = mixed(history_, command);
  }
  [[nodiscard]] std::string get(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? "" : found->second;
  }
  /// Equal on two replicas: they applied the same commands in the same order.
  [[nodiscard]] std::uint64_t digest() const { return mixed(history_, save()); }

  /// As text, for a snapshot: the history's number, then a line for each key.
  [[nodiscard]] std::string save() const {
    std::string text = std::to_string(history_) + "\n";
    for (const auto& [key, value] : values_) text += key + " " + value + "\n";
    return text;
  }
  /// False: it is no such text.
  [[nodiscard]] bool load(std::string_view text) {
    Store loaded;
    const char* stop = text.data() + text.size();
    const auto [end, failed] = std::from_chars(text.data(), stop, loaded.history_);
    if (failed != std::errc() || end == stop) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()) + 1);
    while (!text.empty()) {
      const auto line = text.substr(0, text.find('\n'));
      const auto space = line.find(' ');
      if (space == std::string_view::npos || line.size() == text.size()) return false;
      loaded.values_.emplace(line.substr(0, space), line.substr(space + 1));
      text.remove_prefix(line.size() + 1);
    }
    *this = std::move(loaded);
    return true;
  }

 private:
  // FNV-1a, which is enough against accidents.
  static std::uint64_t mixed(std::uint64_t hash, std::string_view text) {
    for (const char byte : text) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001b3u;
    return hash;
  }

  std::map<std::string, std::string> values_{};
  std::uint64_t history_ = 0xcbf29ce484222325u;
};
