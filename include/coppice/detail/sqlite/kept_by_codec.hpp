#pragma once

#include <coppice/stash_codec.hpp>

#include <any>
#include <exception>
#include <string>

namespace coppice::detail {

// The codec of a stash on disk: a state is kept as the bytes that stash_codec makes of it. A row
// that could not be read arrives as an exception, which is thrown here, in the server that reads
// it.
template <class T>
struct kept_by_codec {
  static std::any encode(const T& x) { return std::any{std::string{stash_codec<T>::encode(x)}}; }
  static T decode(const std::any& kept) {
    if (const auto* why = std::any_cast<std::exception_ptr>(&kept)) std::rethrow_exception(*why);
    return stash_codec<T>::decode(std::any_cast<const std::string&>(kept));
  }
};

}  // namespace coppice::detail
