#include "kept_value.hpp"

#include "blob.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>

namespace keyvalue {

namespace {

constexpr char for_ever = 'v';
constexpr char for_a_time = 't';

using milliseconds = std::chrono::duration<std::int64_t, std::milli>;

// As many bytes as an end takes, the most significant one first.
constexpr std::size_t end_size = sizeof(std::int64_t);

void append_end(std::string& to, milliseconds since_1970) {
  const auto bits = static_cast<std::uint64_t>(since_1970.count());
  for (std::size_t i = end_size; i-- > 0;) to += static_cast<char>(bits >> (8 * i) & 0xff);
}

milliseconds read_end(std::string_view bytes) {
  std::uint64_t bits = 0;
  for (const char c : bytes) bits = bits << 8 | static_cast<unsigned char>(c);
  return milliseconds{static_cast<std::int64_t>(bits)};
}

}  // namespace

std::string encode(const kept_value& v) {
  std::string bytes;
  bytes.reserve(1 + end_size + v.value.size());
  bytes += v.ends ? for_a_time : for_ever;
  if (v.ends) {
    append_end(bytes, std::chrono::duration_cast<milliseconds>(v.ends->time_since_epoch()));
  }
  if (!v.value.bytes) return bytes += v.value.text;
  const blob& all = *v.value.bytes;
  for (std::size_t at = 0; at < all.size();) {
    const std::string_view block = all.at(at);
    bytes += block;
    at += block.size();
  }
  return bytes;
}

kept_value decode(std::string_view bytes) {
  const bool ends = bytes.starts_with(for_a_time);
  if ((!ends && !bytes.starts_with(for_ever)) || (ends && bytes.size() < 1 + end_size)) {
    throw std::invalid_argument{"these are not the bytes of a value"};
  }
  kept_value v;
  if (ends) v.ends = kept_value::clock::time_point{read_end(bytes.substr(1, end_size))};
  bytes.remove_prefix(ends ? 1 + end_size : 1);
  if (bytes.size() > store::max_text_size) {
    v.value.bytes = std::make_shared<blob>(bytes);
  } else {
    v.value.text = bytes;
  }
  return v;
}

}  // namespace keyvalue
