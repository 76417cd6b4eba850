// What a test does with a CrashDirectory beside using it: faults, counters, looking, damage.

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "io/system.hpp"
#include "testing/crash_tree.hpp"

namespace walkit::testing {
namespace {

Image image_of(BytesView bytes, std::uint32_t sector_bytes) {
  Inode inode(sector_bytes);
  inode.write(0, {&bytes, 1}, bytes.size());
  return inode.cache();
}

Status check_inside(std::string_view path, const Image& image, std::uint64_t offset) {
  if (offset < image.size()) return {};
  return io::bad_call(path, "byte " + std::to_string(offset) + " is beyond the end, the file has " +
                                std::to_string(image.size()));
}

}  // namespace

std::string to_string(const Operation& operation) {
  constexpr const char* kNames[] = {
      "write_at", "fill_zeros", "truncate",       "sync_file",           "create",
      "rename",   "remove",     "sync_directory", "create_subdirectory", "link"};
  const std::string kind = kNames[static_cast<std::size_t>(operation.kind)];
  return operation.name.empty() ? kind + " of the root" : kind + " " + operation.name;
}

void CrashTree::cut_power_at(std::uint64_t operation) {
  const std::scoped_lock guard(device_->mutex());
  device_->cut_power_at(operation);
}

void CrashTree::fail_at(std::uint64_t operation, Errc code) {
  const std::scoped_lock guard(device_->mutex());
  device_->fail_at(operation, code);
}

void CrashTree::fail_read_at(std::uint64_t read, Errc code) {
  const std::scoped_lock guard(device_->mutex());
  device_->fail_read_at(read, code);
}

void CrashTree::set_free_bytes(std::uint64_t bytes) {
  const std::scoped_lock guard(device_->mutex());
  device_->set_free_bytes(bytes);
}

std::uint64_t CrashTree::operation_count() const {
  const std::scoped_lock guard(device_->mutex());
  return device_->operations().size();
}

std::uint64_t CrashTree::read_count() const {
  const std::scoped_lock guard(device_->mutex());
  return device_->read_count();
}

std::vector<Operation> CrashTree::operations(std::uint64_t since) const {
  const std::scoped_lock guard(device_->mutex());
  const std::vector<Operation>& all = device_->operations();
  const std::size_t first = std::min<std::uint64_t>(since, all.size());
  return {all.begin() + static_cast<std::ptrdiff_t>(first), all.end()};
}

std::uint64_t CrashTree::image_hash() const {
  const std::scoped_lock guard(device_->mutex());
  return device_->image_hash();
}

std::vector<std::string> CrashTree::list_files() const {
  const std::scoped_lock guard(device_->mutex());
  const std::vector<Folder>& folders = device_->names().folders();
  const std::string& here = folders[folder_].path;
  std::vector<std::string> paths;
  for (const Folder& folder : folders) {
    if (!folder.path.starts_with(here)) continue;
    for (const auto& [name, node] : folder.cached) {
      if (node.kind == NodeRef::Kind::file) {
        paths.push_back(folder.path.substr(here.size()) + name);
      }
    }
  }
  std::ranges::sort(paths);
  return paths;
}

Result<Place> CrashTree::find_place(std::string_view path) const {
  const std::vector<Folder>& folders = device_->names().folders();
  const std::string whole = folders[folder_].path + std::string(path);
  const std::size_t slash = whole.rfind('/');
  const std::size_t name_begin = slash == std::string::npos ? 0 : slash + 1;
  const auto folder = std::ranges::find(folders, whole.substr(0, name_begin), &Folder::path);
  if (folder == folders.end()) return io::system_error(path, ENOENT, "no such folder");
  return Place{static_cast<std::size_t>(folder - folders.begin()), whole.substr(name_begin)};
}

Result<CrashTree::Found> CrashTree::find_path(std::string_view path) const {
  const auto place = find_place(path);
  if (!place) return place.error();
  const auto node = device_->names().find(place->folder, place->name);
  if (node && node->kind == NodeRef::Kind::file) return Found{*place, node->index};
  return io::system_error(path, ENOENT, "no such file");
}

Result<Bytes> CrashTree::read_file(std::string_view path) const {
  const std::scoped_lock guard(device_->mutex());
  const auto found = find_path(path);
  if (!found) return found.error();
  const Image& image = device_->file(found->file).inode.cache();
  Bytes bytes(image.size());
  image.read(0, bytes);
  return bytes;
}

Status CrashTree::overwrite_file(std::string_view path, BytesView bytes) {
  const std::scoped_lock guard(device_->mutex());
  const auto found = find_path(path);
  if (!found) return found.error();
  device_->file(found->file).inode.replace(image_of(bytes, device_->options().sector_bytes));
  return {};
}

Status CrashTree::flip_bit(std::string_view path, std::uint64_t bit) {
  const std::scoped_lock guard(device_->mutex());
  const auto found = find_path(path);
  if (!found) return found.error();
  Inode& inode = device_->file(found->file).inode;
  if (Status inside = check_inside(path, inode.cache(), bit / 8); !inside) return inside;
  Image image = inode.cache();
  const std::uint64_t sector = bit / 8 / image.sector_bytes();
  std::array<std::byte, kSectorBytesMax> buffer{};
  image.read(sector * image.sector_bytes(), std::span(buffer).first(image.sector_bytes()));
  buffer[bit / 8 % image.sector_bytes()] ^= std::byte{1} << (bit % 8);
  image.set_sector(sector, make_sector(BytesView{buffer}.first(image.sector_bytes())));
  inode.replace(image);
  return {};
}

Status CrashTree::zero_sector(std::string_view path, std::uint64_t sector) {
  const std::scoped_lock guard(device_->mutex());
  const auto found = find_path(path);
  if (!found) return found.error();
  Inode& inode = device_->file(found->file).inode;
  Image image = inode.cache();
  if (Status inside = check_inside(path, image, sector * image.sector_bytes()); !inside) {
    return inside;
  }
  image.set_sector(sector, {});
  inode.replace(image);
  return {};
}

Status CrashTree::truncate_file(std::string_view path, std::uint64_t bytes) {
  const std::scoped_lock guard(device_->mutex());
  const auto found = find_path(path);
  if (!found) return found.error();
  Inode& inode = device_->file(found->file).inode;
  Image image = inode.cache();
  if (bytes > image.size()) return check_inside(path, image, bytes);
  image.resize(bytes);
  inode.replace(image);
  return {};
}

Status CrashTree::remove_file(std::string_view path) {
  const std::scoped_lock guard(device_->mutex());
  const auto found = find_path(path);
  if (!found) return found.error();
  --device_->file(found->file).names;
  device_->names().erase(found->place.folder, found->place.name);
  return {};
}

Status CrashTree::add_file(std::string_view path, BytesView bytes) {
  const std::scoped_lock guard(device_->mutex());
  const auto place = find_place(path);
  if (!place) return place.error();
  if (!is_file_name(place->name)) return io::bad_name(path);
  if (device_->names().find(place->folder, place->name)) {
    return io::system_error(path, EEXIST, "cannot add the file");
  }
  const std::size_t index = device_->add_file();
  FileNode& node = device_->file(index);
  node.path = device_->names().folders()[place->folder].path + place->name;
  node.inode.replace(image_of(bytes, device_->options().sector_bytes));
  device_->names().add(*place, {NodeRef::Kind::file, index});
  return {};
}

Status CrashTree::swap_sectors(const SectorPlace& a, const SectorPlace& b) {
  const std::scoped_lock guard(device_->mutex());
  Inode* inodes[2];
  Sector sectors[2];
  const SectorPlace* const places[] = {&a, &b};
  for (std::size_t i = 0; i < 2; ++i) {
    const auto found = find_path(places[i]->path);
    if (!found) return found.error();
    inodes[i] = &device_->file(found->file).inode;
    const Image& image = inodes[i]->cache();
    const std::uint64_t offset = places[i]->sector * image.sector_bytes();
    if (Status inside = check_inside(places[i]->path, image, offset); !inside) return inside;
    sectors[i] = image.sector(places[i]->sector);
  }
  for (std::size_t i = 0; i < 2; ++i) {
    Image image = inodes[i]->cache();
    image.set_sector(places[i]->sector, sectors[1 - i]);
    inodes[i]->replace(image);
  }
  return {};
}

Status CrashTree::swap_files(std::string_view path, std::string_view other) {
  const std::scoped_lock guard(device_->mutex());
  const auto a = find_path(path);
  if (!a) return a.error();
  const auto b = find_path(other);
  if (!b) return b.error();
  if (a->file == b->file) return {};
  device_->names().swap(a->place, b->place);
  std::swap(device_->file(a->file).path, device_->file(b->file).path);
  return {};
}

}  // namespace walkit::testing
