#pragma once

#include "commands.hpp"
#include "resp.hpp"
#include "store.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyvalue {

/// One connection without its socket: bytes in, bytes out.
///
/// Whoever drives it repeats: read into `room()` and say `received()`; then, until `work()` has
/// nothing left to do, write what `output()` holds and say `sent()`. In this way all requests that
/// arrive together are answered together, up to a limit, so that memory stays bounded: by one
/// request and one reply, however many are in the pipeline.
class session {
 public:
  enum class state : unsigned char {
    idle,         ///< Every request that was there has been answered; read more.
    busy,         ///< There is more to do, once the output is written.
    finished,     ///< Write the output and close the connection.
    crash,        ///< Write the output and crash.
    crash_store,  ///< Write the output and crash the store; there may be more to do.
  };

  session() = default;
  explicit session(const request_limits& limits) : parser_{limits} {}

  /// Where to put what is read next. Never empty.
  [[nodiscard]] std::span<char> room();
  /// So many bytes were put there.
  void received(std::size_t size) noexcept { end_ += size; }

  /// Executes requests.
  ///
  /// @param data Null if the store is down.
  state work(store* data);

  [[nodiscard]] std::string_view output() const noexcept { return output_; }
  /// All of the output was written.
  void sent();

 private:
  [[nodiscard]] std::string_view input() const noexcept {
    return std::string_view{input_.data(), end_}.substr(begin_);
  }
  void consume(std::size_t size);

  request_parser parser_;
  std::vector<char> input_;
  std::size_t begin_ = 0;  // of what has arrived and was not executed
  std::size_t end_ = 0;
  std::string output_;
};

}  // namespace keyvalue
