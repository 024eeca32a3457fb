#pragma once

#include "blob.hpp"
#include "budget.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace keyvalue {

/// What is on its way to a client: text, and long values, which are held and not copied.
///
/// A value that is appended to meanwhile is sent as it was.
class reply_buffer {
 public:
  /// The most that one slice has.
  static constexpr std::size_t slice_size = std::size_t{64} << 10;
  static constexpr std::size_t most_pieces = 16;
  /// So much text costs nothing of the budget.
  static constexpr std::size_t usual_text = std::size_t{256} << 10;

  /// @param of Outlives the buffer.
  explicit reply_buffer(budget& of) noexcept : budget_{of}, text_share_{of} {}
  reply_buffer(const reply_buffer&) = delete;
  reply_buffer& operator=(const reply_buffer&) = delete;
  ~reply_buffer() { drop_held(0); }

  [[nodiscard]] std::string& text() noexcept { return text_; }
  /// A value that follows the text that there is.
  void hold(std::shared_ptr<blob> value);

  /// How many bytes are to be sent.
  [[nodiscard]] std::size_t size() const noexcept { return text_.size() - sent_ + held_bytes_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// What is to be sent next. Valid until something is written, be it to a value that is held.
  [[nodiscard]] std::span<const std::string_view> slice();
  /// So many bytes of the slice were sent.
  void sent(std::size_t size);

  /// The end of what has been written.
  struct mark {
    std::size_t text;
    std::size_t held;
  };
  [[nodiscard]] mark end() const noexcept { return {text_.size(), held_.size()}; }
  /// Takes back what was written since; nothing of it was sent.
  void rewind(const mark& to);
  /// Pays for what has been written.
  ///
  /// @return Whether the budget had enough.
  [[nodiscard]] bool pay();

 private:
  struct held_value {
    std::shared_ptr<blob> value;
    std::size_t size;  // it may have grown
    std::size_t at;    // of the text
  };

  void drop_held(std::size_t from) noexcept;
  void clear();

  budget& budget_;
  std::string text_;
  std::vector<held_value> held_;
  std::array<std::string_view, most_pieces> slice_{};
  budget::share text_share_;
  std::size_t held_bytes_ = 0;  // that are to be sent
  std::size_t sent_ = 0;        // of the text
  std::size_t current_ = 0;     // the value that is sent next
  std::size_t offset_ = 0;      // so much of it was sent
  bool refused_ = false;        // a value was beyond the budget
};

/// Which version of the protocol a client has asked for.
enum class protocol : unsigned char { resp2 = 2, resp3 = 3 };

/// Writes replies.
class reply_writer {
 public:
  /// @param version May change between two replies.
  reply_writer(reply_buffer& out, const protocol& version) noexcept
      : out_{out}, version_{version} {}

  /// @param text Without line ends.
  void simple(std::string_view text);
  /// @param text Starts with an error code, "ERR" if there is no better one. Line ends in it become
  ///   blanks.
  void error(std::string_view text);
  void integer(std::int64_t value);
  void bulk(std::string_view value);
  void bulk(std::shared_ptr<blob> value);
  /// A text for people, which clients show as it is.
  void verbatim(std::string_view text);
  void null();
  /// Must be followed by that many replies.
  void array(std::size_t size);
  /// Must be followed by that many pairs of replies.
  void map(std::size_t size);

  /// Where the replies go.
  [[nodiscard]] reply_buffer& buffer() const noexcept { return out_; }

 private:
  void line(char type, std::int64_t value);

  reply_buffer& out_;
  const protocol& version_;
};

}  // namespace keyvalue
