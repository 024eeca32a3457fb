#pragma once

#include <coppice/config.hpp>

#include <boost/json/value.hpp>
#include <boost/json/value_from.hpp>
#include <boost/json/value_to.hpp>

#include <cstddef>
#include <ranges>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>

namespace coppice::detail {

// The default codecs of a stash on disk: JSON for types that Boost.JSON can convert both ways,
// bytes for plain structs and enums. The functions are compiled once, and take no type parameter.

COPPICE_API std::string text_of_json(const boost::json::value& value);
COPPICE_API boost::json::value json_of_text(std::string_view text);
COPPICE_API std::string tagged_bytes(const std::type_info& type, std::string_view bytes);
// Copies the bytes out. Throws unless they are undamaged, `size` many, and of that type.
COPPICE_API void untag_bytes(const std::type_info& type, std::string_view kept, void* to,
                             std::size_t size);

// Views are kept as neither: they would come back referring to memory that is gone.
template <class T>
concept kept_as_json = boost::json::has_value_from<T>::value &&
    boost::json::has_value_to<T>::value && !std::ranges::view<T>;
template <class T>
concept kept_as_bytes =
    !kept_as_json<T> && !std::ranges::view<T> && std::is_trivially_copyable_v<T> &&
    (std::is_class_v<T> || std::is_enum_v<T>);

}  // namespace coppice::detail
