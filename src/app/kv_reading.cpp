#include "app/kv_reading.hpp"

namespace walkit::kv {

Value value_of(const Item& item) {
  Value value{item.value, item.term, item.revision, std::nullopt, item.lease};
  if (item.expires_at != 0) value.expires_at = Time(item.expires_at);
  return value;
}

std::optional<std::string> read_text(const Data& data, std::string_view key) {
  const auto* found = data.find(key);
  if (!found) return std::nullopt;
  return (*found)->value;
}

std::optional<Value> read_value(const Data& data, std::string_view key) {
  const auto* found = data.find(key);
  if (!found) return std::nullopt;
  return value_of(**found);
}

Page read_page(const Data& data, const KeyRange& range, std::size_t limit) {
  Page page{.revision = data.index()};
  data.items().visit(range.begin, [&](const std::shared_ptr<const Item>& item) {
    if (range.end && item->key >= *range.end) return false;
    if (page.entries.size() == limit) {
      page.next = item->key;
      return false;
    }
    page.entries.emplace_back(item->key, value_of(*item));
    return true;
  });
  return page;
}

}  // namespace walkit::kv
