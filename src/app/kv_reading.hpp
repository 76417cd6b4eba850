#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "app/kv_image.hpp"
#include "walkit/app/kv_types.hpp"

/// What state machines and snapshots answer, from what they hold. Any number of threads.
namespace walkit::kv {

Value value_of(const Item& item);
std::optional<std::string> read_text(const Data& data, std::string_view key);
std::optional<Value> read_value(const Data& data, std::string_view key);
Page read_page(const Data& data, const KeyRange& range, std::size_t limit);

}  // namespace walkit::kv
