#include <coppice/stash_codec.hpp>

#include <coppice/error.hpp>

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value_stack.hpp>
#include <boost/system/system_error.hpp>

#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <version>

namespace coppice::detail {

namespace json = boost::json;

namespace {

// States become bytes here, and come back unchanged. A state is compared with the one that was kept
// to find out whether it has changed, so "nearly the same" is not enough.

// Builds a value from the events of the parser. Boost.JSON's own builder may get the last digit of
// a number with a fraction wrong; here std::from_chars reads these numbers, which is exact.
class value_builder {
 public:
  static constexpr std::size_t max_object_size = json::object::max_size();
  static constexpr std::size_t max_array_size = json::array::max_size();
  static constexpr std::size_t max_key_size = json::string::max_size();
  static constexpr std::size_t max_string_size = json::string::max_size();

  using error = json::error_code;
  using text = json::string_view;

  value_builder() { stack_.reset(); }
  [[nodiscard]] json::value result() { return stack_.release(); }

  bool on_document_begin(error&) { return true; }
  bool on_document_end(error&) { return true; }
  bool on_object_begin(error&) { return true; }
  bool on_object_end(std::size_t n, error&) {
    stack_.push_object(n);
    return true;
  }
  bool on_array_begin(error&) { return true; }
  bool on_array_end(std::size_t n, error&) {
    stack_.push_array(n);
    return true;
  }
  bool on_key_part(text s, std::size_t, error&) {
    stack_.push_chars(s);
    return true;
  }
  bool on_key(text s, std::size_t, error&) {
    stack_.push_key(s);
    return true;
  }
  bool on_string_part(text s, std::size_t, error&) {
    stack_.push_chars(s);
    return true;
  }
  bool on_string(text s, std::size_t, error&) {
    stack_.push_string(s);
    return true;
  }
  bool on_number_part(text s, error&) {
    number_.append(s.data(), s.size());
    return true;
  }
  bool on_int64(std::int64_t n, text, error&) {
    number_.clear();
    stack_.push_int64(n);
    return true;
  }
  bool on_uint64(std::uint64_t n, text, error&) {
    number_.clear();
    stack_.push_uint64(n);
    return true;
  }
  bool on_double(double n, text s, error&) {
    number_.append(s.data(), s.size());
#if defined(__cpp_lib_to_chars)
    std::from_chars(number_.data(), number_.data() + number_.size(), n);
#endif
    number_.clear();
    stack_.push_double(n);
    return true;
  }
  bool on_bool(bool b, error&) {
    stack_.push_bool(b);
    return true;
  }
  bool on_null(error&) {
    stack_.push_null();
    return true;
  }
  bool on_comment_part(text, error&) { return true; }
  bool on_comment(text, error&) { return true; }

 private:
  json::value_stack stack_;
  std::string number_;
};

// FNV-1a: a few lines, the same on all machines and in all versions, and good enough to recognise a
// type and an accidental damage.
std::uint64_t hash(std::string_view bytes) noexcept {
  std::uint64_t h = 0xcbf29ce484222325U;
  for (const char c : bytes) {
    h = (h ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  }
  return h;
}

// The header of bytes that are kept: a hash of the type's name and one of the bytes. Bytes have no
// structure of their own by which a wrong type would be noticed.
std::string header(const std::type_info& type, std::string_view bytes) {
  std::string text;
  for (const std::uint64_t h : {hash(type.name()), hash(bytes)}) {
    for (int i = 0; i < 8; ++i) text += static_cast<char>(h >> (8 * i) & 0xff);
  }
  return text;
}

constexpr std::size_t header_size = 16;

[[noreturn]] void refuse(const char* why) {
  throw boost::system::system_error{make_error_code(errc::unreadable), why};
}

// Arrays and objects within each other. The parser's default of 32 is too little for a tree as a
// state.
constexpr std::size_t most_nested = 1000;

// Refuses a value that could be written and not be read again. JSON has no infinity and no NaN:
// Boost.JSON writes them as 1e99999 and null, which would come back as something else.
void check_writable(const json::value& value, std::size_t outer = 0) {
  if (const double* n = value.if_double(); n != nullptr && !std::isfinite(*n)) {
    throw std::range_error{"there is a number in it that JSON does not have"};
  }
  if (!value.is_structured()) return;
  if (outer == most_nested) throw std::range_error{"it is nested too deeply to be read again"};
  if (const json::array* all = value.if_array()) {
    for (const json::value& x : *all) check_writable(x, outer + 1);
  } else {
    for (const auto& x : value.get_object()) check_writable(x.value(), outer + 1);
  }
}

}  // namespace

std::string text_of_json(const json::value& value) {
  check_writable(value);
  return json::serialize(value);
}

json::value json_of_text(std::string_view text) {
  json::parse_options options;
  options.max_depth = most_nested;
  options.allow_invalid_utf8 = true;  // a std::string may hold anything
  json::basic_parser<value_builder> parser{options};
  json::error_code ec;
  const std::size_t used = parser.write_some(false, text.data(), text.size(), ec);
  if (ec) throw boost::system::system_error{ec, "what is kept is not JSON"};
  if (used < text.size()) refuse("there is more kept than one value of JSON");
  return parser.handler().result();
}

std::string tagged_bytes(const std::type_info& type, std::string_view bytes) {
  std::string kept = header(type, bytes);
  kept += bytes;
  return kept;
}

void untag_bytes(const std::type_info& type, std::string_view kept, void* to, std::size_t size) {
  if (kept.size() != header_size + size) refuse("what is kept has another size");
  const std::string_view bytes = kept.substr(header_size);
  const std::string right = header(type, bytes);
  if (kept.substr(0, 8) != right.substr(0, 8)) refuse("what is kept is of another type");
  if (kept.substr(8, 8) != right.substr(8, 8)) refuse("what is kept is damaged");
  std::memcpy(to, bytes.data(), size);
}

}  // namespace coppice::detail
