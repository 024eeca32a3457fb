#include "whole_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

namespace coppice::command {

namespace fs = std::filesystem;

namespace {

[[noreturn]] void fail(int error) { throw std::system_error{error, std::generic_category()}; }

// A file beside the one that is to be. It goes with this object, unless it has been renamed.
class temporary_file {
 public:
  explicit temporary_file(const fs::path& beside) {
    for (int i = 0; descriptor_ < 0; ++i) {
      name_ = beside.parent_path() / ("." + beside.filename().string() + "." +
                                      std::to_string(::getpid()) + "-" + std::to_string(i));
      descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
      if (descriptor_ < 0 && (errno != EEXIST || i == 100)) fail(errno);
    }
  }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;
  ~temporary_file() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!name_.empty()) ::unlink(name_.c_str());
  }

  // Some file systems tell only at the end that there is no room.
  void write(std::string_view content) {
    while (!content.empty()) {
      const ssize_t n = ::write(descriptor_, content.data(), content.size());
      if (n < 0 && errno != EINTR) fail(errno);
      if (n > 0) content.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOSYS) fail(errno);
    const int descriptor = descriptor_;
    descriptor_ = -1;
    if (::close(descriptor) != 0) fail(errno);
  }

  void become(const fs::path& path) {
    if (::rename(name_.c_str(), path.c_str()) != 0) fail(errno);
    name_.clear();
  }

  // A second name of the file fails where that name is in use, which a rename does not.
  void become_new(const fs::path& path) {
    if (::link(name_.c_str(), path.c_str()) == 0) return;
    const bool no_links = errno == EPERM || errno == EOPNOTSUPP || errno == ENOSYS;
    if (!no_links) fail(errno);
    struct stat there {};
    if (::lstat(path.c_str(), &there) == 0) fail(EEXIST);
    become(path);
  }

 private:
  fs::path name_;
  int descriptor_ = -1;
};

}  // namespace

void create_whole_file(const fs::path& path, std::string_view content) {
  temporary_file file{path};
  file.write(content);
  file.become_new(path);
}

void replace_whole_file(const fs::path& path, std::string_view content) {
  temporary_file file{path};
  file.write(content);
  file.become(path);
}

}  // namespace coppice::command
