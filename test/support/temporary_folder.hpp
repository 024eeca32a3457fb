#pragma once

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <system_error>

// A folder that goes with the test.
struct temporary_folder {
  std::filesystem::path path;

  explicit temporary_folder(
      const std::filesystem::path& within = std::filesystem::temp_directory_path()) {
    std::string name = (within / "coppice-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error{"no temporary folder"};
    path = name;
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
};

// Gives a folder for temporary ones that is in memory, where there is such a place: for tests that
// write a lot.
inline std::filesystem::path memory_folder() {
  const std::filesystem::path memory = "/dev/shm";
  std::error_code ignored;
  const bool fits = std::filesystem::is_directory(memory, ignored) &&
                    ::access(memory.c_str(), W_OK) == 0;
  return fits ? memory : std::filesystem::temp_directory_path();
}
