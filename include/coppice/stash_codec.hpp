#pragma once

#include <coppice/detail/sqlite/kept_as.hpp>

#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

#include <array>
#include <bit>
#include <string>
#include <string_view>
#include <typeinfo>

namespace coppice {

/// How a stash on disk keeps a T. Specialise it for types of your own:
///
///     template <>
///     struct coppice::stash_codec<order> {
///       static std::string encode(const order& o);
///       static order decode(std::string_view kept);     // throws what it cannot read
///     };
///
/// Without that:
///
/// - What Boost.JSON can take apart and put together is kept as JSON: arithmetic types,
///   `std::string` (any bytes), vectors, maps and sets, `std::optional`, tuples, enums and structs
///   that Boost.Describe describes, and types with `tag_invoke` functions for it. It can be read
///   with `sqlite3`, and by a program that was compiled anew. Floating-point numbers come back as
///   they were; NaN and infinities are refused by `encode`, as is what has more than 1,000 arrays and
///   objects within each other.
/// - Any other trivially copyable class or enum is kept as its bytes, padding included, with a tag
///   of its type's name and a checksum. Of another size or name, or damaged, it cannot be read; a
///   member that has changed within the same size is not found out. What its pointers refer to is
///   not kept.
/// - Anything else does not compile.
///
/// A type that is both, as a described struct of two ints, is kept as JSON.
///
/// Both functions may throw. `encode` does so out of `stash_ref::put` or `this_server::save`; at
/// the end of a server the state is lost then, and reported. What `decode` throws is
/// `errc::unreadable`, or at the start of a server the cause of the failed start.
template <class T>
struct stash_codec {
  static_assert(
      detail::kept_as_json<T> || detail::kept_as_bytes<T>,
      "a stash on disk does not know how to keep this type: describe it "
      "(BOOST_DESCRIBE_STRUCT), give it tag_invoke functions for Boost.JSON, or specialise "
      "coppice::stash_codec for it");

  /// What is kept of a state.
  static std::string encode(const T& state) {
    if constexpr (detail::kept_as_json<T>) {
      return detail::text_of_json(boost::json::value_from(state));
    } else {
      const auto bytes = std::bit_cast<std::array<char, sizeof(T)>>(state);
      return detail::tagged_bytes(typeid(T), {bytes.data(), bytes.size()});
    }
  }

  /// The state again, from what is kept.
  static T decode(std::string_view kept) {
    if constexpr (detail::kept_as_json<T>) {
      return boost::json::value_to<T>(detail::json_of_text(kept));
    } else {
      std::array<char, sizeof(T)> bytes;
      detail::untag_bytes(typeid(T), kept, bytes.data(), bytes.size());
      return std::bit_cast<T>(bytes);
    }
  }
};

}  // namespace coppice
