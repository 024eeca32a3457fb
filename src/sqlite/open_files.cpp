#include "open_files.hpp"

#include "database.hpp"

#include <sqlite3.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <system_error>
#include <utility>

namespace coppice::detail {

namespace {

// SQLite itself does not notice that a file in use was removed, replaced or truncated, and
// acknowledges commits that nobody will find. The names are checked by stat (another file has
// another inode). The sizes are checked against what SQLite believes to be in the files.

// The beginning of the index of the log, as SQLite's documentation of its file formats describes
// it.
struct log_index {
  std::uint32_t version;
  std::uint32_t unused;
  std::uint32_t changes;
  std::uint8_t is_set_up;
  std::uint8_t checksums_are_big_endian;
  std::uint16_t page_size;
  std::uint32_t frames;
};
static_assert(offsetof(log_index, frames) == 16);
constexpr std::uint32_t known_version = 3007000;
constexpr int index_region = 32'768;
constexpr std::int64_t log_header = 32;
constexpr std::int64_t frame_header = 24;

sqlite3_file* file_of(sqlite3* db) noexcept {
  sqlite3_file* f = nullptr;
  sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, static_cast<void*>(&f));
  return f != nullptr && f->pMethods != nullptr ? f : nullptr;
}

// Decodes the size of a page: 65536 does not fit into the field, and is written as 1.
std::int64_t page_size(unsigned field) noexcept { return field == 1 ? 65'536 : field; }

// Gives the index that is in use, or null if it cannot be read. It is shared memory that other
// programs write to at any time, hence the volatile.
const volatile log_index* index_of(sqlite3* db) noexcept {
  sqlite3_file* const f = file_of(db);
  if (f == nullptr || f->pMethods->iVersion < 2) return nullptr;
  void volatile* at = nullptr;
  if (f->pMethods->xShmMap(f, 0, index_region, 0, &at) != SQLITE_OK) return nullptr;
  const auto* const index = static_cast<const volatile log_index*>(at);
  return index != nullptr && index->version == known_version ? index : nullptr;
}

// Gives the size of the database as its own header states it. A header that cannot be read gives a
// size that no file has.
std::int64_t stated_size(sqlite3* db) noexcept {
  std::array<unsigned char, 32> head{};
  sqlite3_file* const f = file_of(db);
  if (f == nullptr) return 0;
  if (f->pMethods->xRead(f, head.data(), static_cast<int>(head.size()), 0) != SQLITE_OK) {
    return std::numeric_limits<std::int64_t>::max();
  }
  std::int64_t pages = 0;
  for (std::size_t i = 28; i < 32; ++i) pages = pages << 8 | head[i];
  return pages * page_size(static_cast<unsigned>(head[16] << 8 | head[17]));
}

}  // namespace

open_files::open_files(sqlite3* db, const std::filesystem::path& name) : db_{db} {
  const char* const resolved = sqlite3_db_filename(db, "main");
  if (resolved == nullptr || *resolved == '\0') return;
  // The name that the user gave is watched, since that is the one that will be opened next time; it
  // may lead to the file through links. SQLite puts the other files beside the resolved name.
  main_ = find(std::filesystem::absolute(name).string());
  if (!main_) main_ = file{resolved};  // it is gone already, which the first check finds out
  log_ = find(sqlite3_filename_wal(resolved));
  if (log_) index_ = find(std::string{resolved} + "-shm");
}

std::optional<open_files::file> open_files::find(std::string name) {
  file f{std::move(name)};
  if (::stat(f.name.c_str(), &f.seen) != 0) return std::nullopt;
  return f;
}

void open_files::check() {
  if (!main_) return;
  const struct stat main = look(*main_);
  if (index_) {
    const struct stat index = look(*index_);
    if (index.st_size < index_->seen.st_size) cut_off(*index_);
    index_->seen = index;
  }
  if (log_) check_log();
  check_size(main);
}

struct stat open_files::look(const file& f) {
  struct stat now {};
  if (::stat(f.name.c_str(), &now) != 0) {
    const std::string why = std::error_code{errno, std::generic_category()}.message();
    log_is_stray_ = &f == &*main_;
    refuse(SQLITE_READONLY_DBMOVED, f, "cannot be found any more (" + why + ")");
  }
  if (now.st_ino != f.seen.st_ino || now.st_dev != f.seen.st_dev) {
    (&f == &*main_ ? log_is_stray_ : log_is_spoilt_) = true;
    refuse(SQLITE_READONLY_DBMOVED, f, "has been replaced");
  }
  return now;
}

// A database gets shorter when a program vacuums it, and its header then states the new size. It
// has been cut off if it is shorter than its header states.
void open_files::check_size(const struct stat& now) {
  if (now.st_size < main_->seen.st_size && now.st_size < stated_size(db_)) cut_off(*main_);
  main_->seen = now;
}

// A log gets shorter when a program has copied it into the database, but never shorter than the
// frames that are in it. The number of frames may change between the two looks; then both are taken
// again.
void open_files::check_log() {
  const volatile log_index* const index = index_of(db_);
  for (;;) {
    const std::uint32_t frames = index != nullptr ? index->frames : 0;
    const std::int64_t needed =
        frames == 0 ? 0 : log_header + frames * (frame_header + page_size(index->page_size));
    if (look(*log_).st_size >= needed) return;
    if (index->frames == frames) cut_off(*log_);
  }
}

void open_files::cut_off(const file& f) {
  log_is_spoilt_ = true;
  refuse(SQLITE_CORRUPT, f, "has been cut off");
}

void open_files::refuse(int code, const file& f, const std::string& what) {
  throw sqlite_failure{code, ('"' + f.name + "\" " + what + " while it is in use").c_str()};
}

}  // namespace coppice::detail
