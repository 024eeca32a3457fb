#pragma once

#include <coppice/stash_codec.hpp>

#include <any>
#include <exception>
#include <string>

namespace coppice::detail {

// How a stash on disk keeps a T: as bytes that its codec has made.
template <class T>
struct kept_by_codec {
  static std::any encode(const T& x) { return std::any{std::string{stash_codec<T>::encode(x)}}; }
  static T decode(const std::any& kept) {
    if (const auto* why = std::any_cast<std::exception_ptr>(&kept)) std::rethrow_exception(*why);
    return stash_codec<T>::decode(std::any_cast<const std::string&>(kept));
  }
};

}  // namespace coppice::detail
